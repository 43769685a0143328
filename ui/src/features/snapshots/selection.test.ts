import { describe, expect, it } from "vitest";
import { markOf, type Selection, toggle } from "./selection";

const TREE: Record<string, string[]> = {
  "/w": ["/w/models", "/w/code", "/w/readme"],
  "/w/models": ["/w/models/a", "/w/models/b"],
  "/w/code": ["/w/code/app"],
};
const children = (folder: string) => TREE[folder] ?? [];
const picking = (...paths: string[]): Selection =>
  paths.reduce<Selection>((selection, path) => toggle(selection, path, children), new Set());

describe("a selection", () => {
  it("stands for everything below a folder", () => {
    const picked = picking("/w/models");
    expect(markOf(picked, "/w/models")).toBe("on");
    expect(markOf(picked, "/w/models/a")).toBe("on");
    expect(markOf(picked, "/w")).toBe("mixed");
    expect(markOf(picked, "/w/code")).toBe("off");
    expect(markOf(picked, "/w/models-old")).toBe("off");
  });

  it("takes in what was picked below", () => {
    expect([...picking("/w/models/a", "/w/code/app", "/w")]).toEqual(["/w"]);
  });

  it("spares one entry of a picked folder", () => {
    const picked = picking("/w", "/w/models/a");
    expect([...picked].sort()).toEqual(["/w/code", "/w/models/b", "/w/readme"]);
    expect(markOf(picked, "/w/models")).toBe("mixed");
    expect(markOf(picked, "/w/models/a")).toBe("off");
  });

  it("is empty again when the same is taken away", () => {
    expect(picking("/w/code", "/w/code").size).toBe(0);
  });
});
