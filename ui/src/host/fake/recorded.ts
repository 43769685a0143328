// Fact streams that the engine recorded, told again as if they happened now.

import type { Fact } from "../../bindings";
import { FAKE_RUN, FAKE_START } from "./scenarios";

export type Recorded = `recorded/${string}`;

const FILES = import.meta.glob<string>("../../../../tests/fixtures/*.jsonl", {
  query: "?raw",
  import: "default",
  eager: true,
});

const STREAMS = new Map(
  Object.entries(FILES).map(([path, text]): [Recorded, Fact[]] => [
    `recorded/${path.slice(path.lastIndexOf("/") + 1, -".jsonl".length)}`,
    text
      .split("\n")
      .filter(Boolean)
      .map(line => {
        const fact = JSON.parse(line) as Fact;
        const at = new Date(FAKE_START + fact.elapsed_ms).toISOString();
        return { ...fact, run: FAKE_RUN, at };
      }),
  ]),
);

export const isRecorded = (name: string | null): name is Recorded => STREAMS.has(name as Recorded);

export const recordedFacts = (name: Recorded): Fact[] => STREAMS.get(name) ?? [];
