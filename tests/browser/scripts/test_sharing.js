import { Sharing } from "/static/ami_wallboard/sharing.js";
import { equal, seconds, until } from "./expect.js";

let channels = 0;

/** A tab of a browser, which notes what it does. */
function open(name) {
  const tab = { streams: false, followed: 0, heard: [] };
  tab.sharing = new Sharing(new BroadcastChannel(name), {
    lead: () => (tab.streams = true),
    follow: () => ((tab.streams = false), (tab.followed += 1)),
    hear: (said) => tab.heard.push(said),
    snapshot: () => [`snapshot of ${name}`],
  });
  tab.sharing.start();
  return tab;
}

const browser = () => `browser ${(channels += 1)}`;

function tabs(count) {
  const name = browser();
  return Array.from({ length: count }, () => open(name));
}

const leaders = (all) => all.filter(({ streams }) => streams).length;

export async function first_tab_leads_and_the_next_hears_it_from_its_snapshot_on() {
  const name = browser();
  const first = open(name);
  await until(() => first.streams);
  const second = open(name);
  await until(() => second.heard.length === 1);
  first.sharing.say("news");
  await until(() => second.heard.length === 2);
  equal([second.heard, second.streams], [[`snapshot of ${name}`, "news"], false]);
  for (const tab of [first, second]) tab.sharing.stop();
}

export async function of_many_tabs_that_begin_at_once_one_leads() {
  const all = tabs(7);
  await seconds(0.8);
  equal(leaders(all), 1);
  for (const tab of all) tab.sharing.stop();
}

export async function another_tab_leads_when_the_leader_is_closed() {
  const all = tabs(3);
  await until(() => leaders(all) === 1);
  await seconds(0.3);
  const leader = all.find(({ streams }) => streams);
  leader.sharing.stop();
  const others = all.filter((tab) => tab !== leader);
  await until(() => leaders(others) === 1);
  // The follower asks the new leader for its snapshot, and hears it from then on.
  await until(() => {
    for (const tab of others) tab.sharing.say("again");
    return others.every((tab) => tab.streams || tab.heard.at(-1) === "again");
  });
  for (const tab of others) tab.sharing.stop();
}

export async function tab_whose_leader_goes_before_its_answer_asks_the_next_one() {
  const name = browser();
  const others = new BroadcastChannel(name);
  const asked = [];
  others.onmessage = ({ data: { type, from } }) => type === "who" && asked.push(from);
  const say = (type, from, more) => others.postMessage({ type, from, ...more });
  const tab = open(name);
  await until(() => asked.length === 1);
  say("lead", "one");
  await until(() => asked.length === 2);
  say("bye", "one");
  say("alive", "two"); // it leads already, as two do for a moment
  await until(() => asked.length === 3);
  say("snapshot", "two", { to: asked[0], said: ["snapshot"] });
  say("said", "two", { said: "news" });
  await until(() => tab.heard.length === 2);
  equal([tab.heard, tab.streams], [["snapshot", "news"], false]);
  tab.sharing.stop();
  others.close();
}

export async function of_two_that_lead_the_hidden_one_gives_way_and_else_the_greater_name() {
  const name = browser();
  const tab = open(name);
  const other = new BroadcastChannel(name);
  let leads = 0;
  other.onmessage = ({ data: { type } }) => (leads += type === "lead");
  await until(() => tab.streams && leads === 1);
  other.postMessage({ type: "lead", from: "", hidden: true });
  await until(() => leads === 2);
  equal([tab.streams, tab.followed], [true, 0]);
  other.postMessage({ type: "lead", from: "", hidden: false });
  await until(() => !tab.streams);
  tab.sharing.stop();
  other.close();
}
