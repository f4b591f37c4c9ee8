"""The page of `softextend ui`: drag a picture's border outwards, and look. Needs the extra `ui`."""
