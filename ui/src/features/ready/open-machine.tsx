// The machine in a terminal, an editor, a browser: what one launched it for.

import { useState } from "react";
import { ErrorBanner } from "../../app/error-banner";
import { useRecipes } from "../../app/queries";
import { useRun } from "../../app/run";
import { machineIdOf } from "../../app/spans";
import { OpenButtons } from "../machines/open-buttons";
import { portsOf } from "../machines/ports";
import "../machines/machines.css";

export function OpenMachine() {
  const { view } = useRun();
  const recipes = useRecipes().data ?? [];
  const [error, setError] = useState<Error | null>(null);
  const machine = machineIdOf(view);
  if (machine === null) return null;
  const recipe = recipes.find(recipe => recipe.name === view.recipe);
  return (
    <div className="mb-3 flex flex-col gap-3">
      <OpenButtons machine={machine} ports={portsOf(recipe)} large onError={setError} />
      {error ? <ErrorBanner error={error} actions={{ retry: () => setError(null) }} /> : null}
    </div>
  );
}
