// Fact streams for tests: those the engine recorded, and the fake host's.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Fact, RunView } from "../bindings";
import { factsOf, SCENARIOS, type ScenarioName } from "../host/fake/scenarios";

const FIXTURES = join(import.meta.dirname, "../../../tests/fixtures");

export interface Recorded {
  name: string;
  facts: Fact[];
  /** What the engine's own fold made of it. */
  view: RunView;
}

/** Streams the engine recorded, each with its view. */
export function recordedStreams(): Recorded[] {
  if (!existsSync(FIXTURES)) return [];
  return readdirSync(FIXTURES, { recursive: true, encoding: "utf8" })
    .filter(file => file.endsWith(".jsonl"))
    .flatMap(file => {
      const viewFile = join(FIXTURES, file.replace(/\.jsonl$/, ".view.json"));
      if (!existsSync(viewFile)) return [];
      const facts = readFileSync(join(FIXTURES, file), "utf8")
        .split("\n")
        .filter(line => line.trim() !== "")
        .map(line => JSON.parse(line) as Fact);
      return [{ name: file, facts, view: JSON.parse(readFileSync(viewFile, "utf8")) as RunView }];
    });
}

/** All of them: `[name, facts]`. */
export function allStreams(): [string, Fact[]][] {
  const fake = (Object.keys(SCENARIOS) as ScenarioName[]).map((name): [string, Fact[]] => [
    name,
    factsOf(name),
  ]);
  return [...fake, ...recordedStreams().map(({ name, facts }): [string, Fact[]] => [name, facts])];
}
