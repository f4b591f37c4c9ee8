# docker build -t softextend .                              CPU
# docker build -t softextend:cuda --build-arg VARIANT=cuda .  NVIDIA GPUs, with the NVIDIA container toolkit
# docker run --rm -v "$PWD:/work" softextend extend photo.jpg --sides 0 256 0 256
ARG PYTHON=3.12

FROM python:${PYTHON}-slim-bookworm AS cpu
# torch's own index: PyPI's wheels for Linux carry CUDA
ENV PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu

FROM python:${PYTHON}-slim-bookworm AS cuda
# PyPI's wheels carry CUDA; the driver comes from the machine
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility

ARG VARIANT=cpu
# hadolint ignore=DL3006
FROM ${VARIANT}
ARG EXTRAS=cloud,parquet,ray
COPY pyproject.toml constraints.txt README.md LICENSE /src/
COPY softextend /src/softextend
RUN pip install --no-cache-dir --disable-pip-version-check -c /src/constraints.txt "/src[${EXTRAS}]" \
 && useradd --create-home --uid 1000 softextend \
 && mkdir /work \
 && chown 1000 /work
USER 1000
WORKDIR /work
ENTRYPOINT ["softextend"]
CMD ["--help"]
