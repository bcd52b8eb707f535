import { isRefusal } from "/static/ami_wallboard/polling.js";
import { equal } from "./expect.js";

export function refusal_is_a_login_that_is_asked_for_by_the_site_or_by_a_proxy() {
  const answers = [
    { status: 401, type: "basic" },
    { status: 403, type: "basic" },
    { status: 0, type: "opaqueredirect" },
    { status: 500, type: "basic" },
  ];
  equal(answers.map(isRefusal), [true, true, true, false]);
}
