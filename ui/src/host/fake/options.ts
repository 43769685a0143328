// What a fake host is told to be, by a test or by the address of the page.

import type { Code, MachineState } from "../../bindings";
import type { Host } from "../index";
import { isRecorded, type Recorded } from "./recorded";
import { SCENARIOS, type ScenarioName } from "./scenarios";

type Command = Exclude<keyof Host, "clock" | "on" | "watch">;

export interface FakeOptions {
  /** The run that is going on; none opens the window at Launch. */
  scenario: ScenarioName | Recorded | null;
  /** Seconds at which time stands still. */
  freeze?: number;
  /** How fast time runs. */
  speed?: number;
  /** Commands that are refused, and with which code. */
  fail?: Partial<Record<Command, Code>>;
  /** Nothing is there yet: no recipe, snapshot, history, host. */
  empty?: boolean;
  /** No boot of our own is known. */
  fresh?: boolean;
  /** The very first start: no key, no storage, no guide seen. */
  newcomer?: boolean;
  /** Everything on the practice cloud. */
  practice?: boolean;
  /** Answers never come. */
  pending?: boolean;
  /** How many offers the market has. */
  offers?: number;
  /** Machines kept from earlier runs, and of others. */
  fleet?: boolean;
  /** The run's machine, in another state than running. */
  state?: MachineState;
  /** Machines whose end is not confirmed. */
  left?: boolean;
  /** The cloud's list was read once and cannot be read now. */
  stale?: Code;
  /** Winners that are being reached again. */
  resuming?: number;
  /** Why a launch would be refused. */
  refuse?: Code;
  /** What is impossible, as the engine says at its start. */
  problem?: Code;
  /** A link that came before the window. */
  link?: string;
}

const isScenario = (name: string | null): name is ScenarioName | Recorded =>
  isRecorded(name) || (name !== null && Object.hasOwn(SCENARIOS, name));

/** Reads `?fake=<scenario or recorded/stream>&t=<seconds>&fail=<command>:<code>,…&empty&…`. */
export function optionsFrom(query: URLSearchParams): FakeOptions {
  const scenario = query.get("fake");
  const seconds = query.get("t");
  const fail: FakeOptions["fail"] = {};
  for (const pair of query.get("fail")?.split(",") ?? []) {
    const [command = "", code = ""] = pair.split(":");
    fail[command as Command] = code as Code;
  }
  const problem = query.get("problem");
  const state = query.get("state");
  const refuse = query.get("refuse");
  const stale = query.get("stale");
  const link = query.get("link");
  return {
    scenario: isScenario(scenario) ? scenario : null,
    ...(seconds === null ? {} : { freeze: Number(seconds) }),
    speed: Number(query.get("speed") ?? 1),
    fail,
    empty: query.has("empty"),
    fresh: query.has("fresh"),
    newcomer: query.has("newcomer"),
    practice: query.has("practice"),
    pending: query.has("pending"),
    offers: Number(query.get("offers") ?? 64),
    fleet: query.has("fleet"),
    left: query.has("left"),
    ...(problem ? { problem: problem as Code } : {}),
    ...(stale ? { stale: stale as Code } : {}),
    resuming: Number(query.get("resuming") ?? 0),
    ...(refuse ? { refuse: refuse as Code } : {}),
    ...(state ? { state: state as MachineState } : {}),
    ...(link ? { link } : {}),
  };
}
