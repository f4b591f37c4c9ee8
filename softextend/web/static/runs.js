// Runs: followed until they are over, also those that another tab, or this one before a reload, has begun.

import { get, loaded } from "./http.js";

const $ = (id) => document.getElementById(id);
const POLL = 350, AWAY = 2000; // ms
const OVER = ["done", "failed", "cancelled"];
const REMEMBERED = 40; // runs that this tab knows as its own

/** Seconds as a person says them. */
export function spoken(seconds) {
  const whole = Math.max(1, Math.round(seconds));
  return whole < 100 ? `${whole} s` : whole < 5400 ? `${Math.round(whole / 60)} min` : `${Math.round(whole / 360) / 10} h`;
}

export class Runs {
  constructor(page) {
    this.page = page;
    this.running = null; // the id of the run that is followed
    this.started = new Map(JSON.parse(sessionStorage.getItem("started") || "[]")); // this tab's runs: {picture, mode, passes}
  }

  /** A run that this tab has begun. */
  start(id, facts) {
    this.started.set(id, facts);
    sessionStorage.setItem("started", JSON.stringify([...this.started].slice(-REMEMBERED)));
    if (this.running) this.page.say("It waits in line behind the run in work");
    else this.follow(id);
  }

  /** Watch a run until it is over; the page may be reloaded meanwhile. */
  async follow(id) {
    if (this.running === id) return;
    this.running = id;
    let seen = 0;
    while (this.running === id) {
      let run;
      try { run = await get(`/api/runs/${id}`); }
      catch (error) {
        this.page.complain(error.message);
        if (error.answered) return this.lost();
        this.away = true;
        await new Promise((done) => setTimeout(done, AWAY));
        continue;
      }
      if (this.away) { this.away = false; $("alert").hidden = true; this.page.say("The server is back"); }
      if (run.kind === "batch") this.page.batch.follow(run);
      if (OVER.includes(run.state)) return this.over(run);
      this.showRun(run);
      if (run.previews > seen) { seen = run.previews; this.showLive(run, `/api/runs/${id}/preview?${seen}`); }
      await new Promise((done) => setTimeout(done, POLL));
    }
  }

  /** What is painted by now: beside the progress, and on the canvas where that still shows what the run began with. */
  async showLive(run, source) {
    const image = await loaded(source).catch(() => null), own = this.started.get(run.id);
    if (!image || this.running !== run.id) return;
    $("run-preview").src = image.src;
    $("run-preview").hidden = false;
    if (own && own.picture === this.page.current?.id && own.mode === this.page.mode && !(own.passes > 1)) this.page.canvas.setLive(image);
  }

  /** A run that the server does not know any more. */
  async lost() {
    this.running = null;
    $("run").hidden = true;
    await this.page.guarded(() => this.page.refresh());
  }

  showRun(run) {
    const many = run.pictures > 1 ? ` (${run.picture || 1} of ${run.pictures})` : "";
    const waits = run.place === 1 ? "Waits for one run before it" : `Waits for ${run.place} runs before it`;
    $("run").hidden = false;
    $("run-message").textContent = run.state === "waiting" ? (run.place ? waits : "Begins") : `${run.message}${many}`;
    const share = run.total ? ((run.picture - 1) + run.done / run.total) / run.pictures : null;
    if (share === null) $("run-progress").removeAttribute("value"); else $("run-progress").value = share;
    $("run-left").textContent = run.state === "waiting" ? "" : [run.total ? `Step ${run.done} of ${run.total}` : "", `${spoken(run.seconds)} so far`, run.left === null ? "" : `about ${spoken(run.left)} left`].filter(Boolean).join(" · ");
  }

  async over(run) {
    this.running = null;
    $("run").hidden = true;
    $("run-preview").hidden = true;
    this.page.canvas.setLive(null);
    await this.page.guarded(() => this.page.refresh());
    if (run.state === "failed") this.page.complain(run.error);
    if (run.state === "cancelled") this.page.say("Cancelled");
    if (run.results.length && run.kind !== "batch") {
      const best = run.results.map((id) => this.page.nodes.get(id)).filter(Boolean).sort((a, b) => b.scores.total - a.scores.total)[0];
      const own = this.started.get(run.id);
      if (best && own && (!this.page.current || this.page.current.id === own.picture)) await this.page.open(best.id);
      else if (best) this.page.say(own ? "A run is done: its result is in the steps" : "A run of another tab is done: its result is in the steps");
    }
    if (!$("panel-gallery").hidden) this.page.showGallery();
    this.next();
  }

  /** The session's next run, if one still waits. */
  async next() {
    const found = await this.page.guarded(() => get("/api/session"));
    const open = found?.runs.find((each) => !OVER.includes(each.state));
    if (open && !this.running) this.follow(open.id);
  }
}
