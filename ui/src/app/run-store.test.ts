import { beforeEach, describe, expect, it } from "vitest";
import type { Frame } from "../bindings";
import type { Host } from "../host";
import { FAKE_RUN, FAKE_START, factsOf } from "../host/fake/scenarios";
import { createRunStore } from "./run-store";
import { replay } from "./run-view";

const facts = factsOf("wave-2");
let now = 0;
let wall = 0;
let send: (frame: Frame) => void;

const host = {
  clock: { now: () => now, wall: () => wall },
  watch: (_run: string, onFrame: (frame: Frame) => void) => {
    send = onFrame;
    return () => {};
  },
} as unknown as Host;

const until = (ms: number) => facts.filter(fact => fact.elapsed_ms <= ms);

beforeEach(() => {
  now = 1_000;
  wall = FAKE_START;
});

describe("the run's clock", () => {
  it("runs on from the wall clock when the window joins late", () => {
    const store = createRunStore(host, FAKE_RUN);
    wall = FAKE_START + 12_400;
    send({ kind: "view", view: replay(FAKE_RUN, until(11_500)) });
    expect(store.elapsed()).toBe(12_400);
    now += 600;
    expect(store.elapsed()).toBe(13_000);
  });

  it("does not believe a wall clock that is behind the facts", () => {
    const store = createRunStore(host, FAKE_RUN);
    wall = FAKE_START - 5_000;
    const view = replay(FAKE_RUN, until(11_500));
    send({ kind: "view", view });
    expect(store.elapsed()).toBe(view.elapsed_ms);
  });

  it("follows the earliest arrival, so that late facts do not hold it back", () => {
    const store = createRunStore(host, FAKE_RUN);
    const [first, second] = facts;
    if (!first || !second) throw new Error("no facts");
    send({ kind: "fact", fact: first });
    now += second.elapsed_ms + 400;
    send({ kind: "fact", fact: second });
    expect(store.elapsed()).toBe(second.elapsed_ms + 400);
  });

  it("jumps when the computer slept", () => {
    const store = createRunStore(host, FAKE_RUN);
    for (const fact of until(2_000)) send({ kind: "fact", fact });
    const later = facts.find(fact => fact.elapsed_ms > 20_000);
    if (!later) throw new Error("no later fact");
    send({ kind: "fact", fact: later });
    expect(store.elapsed()).toBe(later.elapsed_ms);
  });
});

describe("the run's notes", () => {
  it("keep the winner's first report", () => {
    const store = createRunStore(host, FAKE_RUN);
    for (const fact of facts) send({ kind: "fact", fact });
    expect(store.getSnapshot().view.report?.disk_free_bytes).toBe(412_000_000_000);
    expect(store.getSnapshot().view.host_key).toMatch(/^SHA256:/);
  });

  it("are there after a restart of the window", () => {
    const store = createRunStore(host, FAKE_RUN);
    send({ kind: "view", view: replay(FAKE_RUN, facts) });
    expect(store.getSnapshot().view.host_key).toMatch(/^SHA256:/);
    expect(store.getSnapshot().view.phase).toBe("ready");
  });

  it("say that a restore may pass its limit", () => {
    const store = createRunStore(host, FAKE_RUN);
    for (const fact of factsOf("extended")) send({ kind: "fact", fact });
    expect(store.getSnapshot().view.extended).toBe(true);
  });
});
