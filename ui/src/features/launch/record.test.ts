import { describe, expect, it } from "vitest";
import { history } from "../../host/fake/records";
import { recordsOf } from "./record";

describe("earlier runs", () => {
  it("say how often somebody won and what it cost", () => {
    const { strict } = recordsOf(history(), "musetalk");
    expect(strict?.runs).toBe(4);
    expect(strict?.chance).toBeCloseTo(0.75);
    expect(strict?.usual).toBe(12_000);
  });

  it("say nothing when there are few, or none of that policy", () => {
    expect(recordsOf(history(), "comfyui").strict).toBeNull();
    expect(recordsOf(history(), "musetalk")["keep-racing"]).toBeNull();
    expect(recordsOf([], "musetalk").strict).toBeNull();
  });
});
