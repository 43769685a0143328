import { describe, expect, it } from "vitest";
import { RECIPES } from "../../host/fake/records";
import { formOf, problemsOf, recipeFrom, slugOf } from "./form";

describe("a recipe's form", () => {
  it.each(RECIPES)("gives $name back unchanged", recipe => {
    const form = formOf(recipe);
    expect(problemsOf(form, [])).toEqual({});
    expect(recipeFrom(form)).toMatchObject(recipe);
    expect(formOf(recipeFrom(form))).toEqual(form);
  });

  it("makes a name of a title", () => {
    expect(slugOf("MuseTalk 1.5")).toBe("musetalk-1-5");
    expect(slugOf("  Treino de São Paulo! ")).toBe("treino-de-sao-paulo");
    expect(slugOf("…")).toBe("");
    expect(slugOf("x".repeat(90))).toHaveLength(64);
  });

  it("says what is wrong, field by field", () => {
    const good = formOf(RECIPES[0] ?? null);
    const cases: [Partial<typeof good>, string, string][] = [
      [{ title: " " }, "title", "title"],
      [{ name: "My Recipe" }, "name", "name"],
      [{ name: "comfyui" }, "name", "taken"],
      [{ snapshot: "LATEST" }, "snapshot", "snapshot"],
      [{ target: "workspace" }, "target", "target"],
      [{ image: "a b" }, "image", "image"],
      [{ env: "1KEY=x" }, "env", "env"],
      [{ ports: "8888, 70000" }, "ports", "ports"],
      [{ disk: "4" }, "disk", "disk"],
      [{ hoursAlone: "-1" }, "hoursAlone", "hours"],
    ];
    for (const [part, field, problem] of cases) {
      expect(problemsOf({ ...good, ...part }, ["comfyui"])).toEqual({ [field]: problem });
    }
  });

  it("reads environment and ports as people write them", () => {
    const form = { ...formOf(null), env: "A=1\n\nB=x=y ", ports: "8888 7860/tcp, 6000/udp" };
    expect(recipeFrom(form)).toMatchObject({
      env: { A: "1", B: "x=y" },
      ports: ["8888/tcp", "7860/tcp", "6000/udp"],
      disk_gb: null,
      template: null,
    });
  });
});
