// A second click on "Send" does nothing. Without this script the site refuses it.

const form = document.getElementById("ami-send");
const button = form.querySelector("[type=submit]");
let isSent = false;

form.addEventListener("submit", (event) => {
  if (isSent) event.preventDefault();
  isSent = true;
  button.setAttribute("aria-disabled", "true");
});

// The browser has kept the page, and shows it again.
addEventListener("pageshow", () => {
  isSent = false;
  button.removeAttribute("aria-disabled");
});
