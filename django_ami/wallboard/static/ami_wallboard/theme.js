// Sets the theme before the first paint, so that nobody sees the other one flash by.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    let wish = "auto";
    try {
      wish = JSON.parse(localStorage.getItem("ami-wallboard") || "{}").theme || "auto";
    } catch {
      // Storage is forbidden, or holds something else: the system decides.
    }
    root.dataset.theme = wish === "auto" ? (dark.matches ? "dark" : "light") : wish;
    root.classList.toggle("tv", location.hash === "#tv");
  };
  apply();
  dark.addEventListener("change", apply);
  addEventListener("ami-theme", apply);
  addEventListener("hashchange", apply);
})();
