// Light or dark: what was chosen here, or what the system says. It runs before the page is drawn, so that nothing flashes.
(function () {
  const KEY = "workflow-theme";
  const root = document.documentElement;
  const remembered = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // Storage may be forbidden.
    }
  };
  const apply = (theme) => {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
  };
  apply(remembered());
  window.workflowTheme = {
    now: () => root.dataset.theme || "system",
    next() {
      const order = ["system", "light", "dark"];
      const theme = order[(order.indexOf(this.now()) + 1) % order.length];
      apply(theme);
      try {
        localStorage.setItem(KEY, theme);
      } catch {
        // Then it holds until the page is left.
      }
      return theme;
    },
  };
})();
