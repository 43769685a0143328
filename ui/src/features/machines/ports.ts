// Ports of a machine worth opening: those its recipe names.

import type { MachineView, Recipe, RunSummary } from "../../bindings";

export interface Port {
  port: number;
  jupyter: boolean;
}

const JUPYTER = 8_888;

/** `8888/tcp`, `7860`: only what a browser can speak to. */
export function portsOf(recipe: Recipe | undefined): Port[] {
  return (recipe?.ports ?? []).flatMap(text => {
    const found = /^(\d{1,5})(\/tcp)?$/.exec(text.trim());
    const port = Number(found?.[1]);
    // SSH has its own way.
    if (!found || port < 1 || port > 65_535 || port === 22) return [];
    return [{ port, jupyter: port === JUPYTER }];
  });
}

/** The recipe a machine was launched with. */
export function recipeOfMachine(
  machine: Pick<MachineView, "run">,
  runs: RunSummary[],
  recipes: Recipe[],
): Recipe | undefined {
  const run = runs.find(run => run.run === machine.run);
  return recipes.find(recipe => recipe.name === run?.recipe);
}
