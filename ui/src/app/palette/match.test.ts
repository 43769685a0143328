import { describe, expect, it } from "vitest";
import { match } from "./match";

describe("what is typed", () => {
  it("finds by the beginnings of words, in any order", () => {
    expect(match("mu", "Launch MuseTalk 1.5", []).marks).toEqual([[7, 9]]);
    expect(match("muse lau", "Launch MuseTalk 1.5", []).score).toBeGreaterThan(0);
    expect(match("talk", "Launch MuseTalk 1.5", []).score).toBe(0);
  });

  it("prefers what begins with it", () => {
    const first = match("se", "Settings", []).score;
    const later = match("se", "Go to settings", []).score;
    expect(first).toBeGreaterThan(later);
  });

  it("finds in the other language, without accents", () => {
    expect(match("maquinas", "Machines", ["Máquinas"]).score).toBe(1);
    expect(match("maquinas", "Machines", ["Máquinas"]).marks).toEqual([]);
    expect(match("configuracoes", "Configurações", []).score).toBeGreaterThan(0);
  });

  it("finds everything when nothing is typed, and nothing for nonsense", () => {
    expect(match("  ", "Launch", []).score).toBe(1);
    expect(match("xyzzy", "Launch", ["Iniciar"]).score).toBe(0);
  });
});
