import { describe, expect, it } from "vitest";
import { replay } from "../../app/run-view";
import type { RestoreView } from "../../bindings";
import { FAKE_RUN, factsOf } from "../../host/fake/scenarios";
import { partsOf } from "./parts";

function restoreAt(name: Parameters<typeof factsOf>[0], ms: number): RestoreView {
  const facts = factsOf(name).filter(fact => fact.elapsed_ms <= ms);
  const { restore } = replay(FAKE_RUN, facts);
  if (!restore) throw new Error("no restore yet");
  return restore;
}

describe("the parts of a restore", () => {
  it("are what is there, what comes, what waits", () => {
    const parts = partsOf(restoreAt("wave-2", 31_000));
    const states = parts.map(part => (part.done >= part.bytes ? 0 : part.done > 0 ? 1 : 2));
    expect(new Set(states)).toEqual(new Set([0, 1, 2]));
    expect(states).toEqual([...states].sort());
    expect(parts.at(-1)?.path).toBe("");
  });

  it("begin with what was moved to the front", () => {
    const restore = { ...restoreAt("wave-2", 31_000), fronted: ["/workspace/datasets"] };
    const next = partsOf(restore).find(part => part.done < part.bytes);
    expect(next).toMatchObject({ path: "/workspace/datasets", first: true });
  });

  it("are nothing where the tool does not tell", () => {
    expect(partsOf(restoreAt("extended", 60_000))).toEqual([]);
  });
});
