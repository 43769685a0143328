// After the critical mark work can begin, while the rest still comes.

import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorBanner } from "../../app/error-banner";
import { useRecipes } from "../../app/queries";
import { useRun } from "../../app/run";
import { machineIdOf } from "../../app/spans";
import { OpenButtons } from "../machines/open-buttons";
import { portsOf } from "../machines/ports";
import "../machines/machines.css";

export function WorkAlready() {
  const { t } = useTranslation();
  const { view } = useRun();
  const recipes = useRecipes().data ?? [];
  const [error, setError] = useState<Error | null>(null);
  const machine = machineIdOf(view);
  if (machine === null || view.marks.critical_ms === null) return null;
  const recipe = recipes.find(recipe => recipe.name === view.recipe);
  return (
    <section className="card">
      <div className="card-head">
        <h2>{t("restore.workAlready")}</h2>
      </div>
      <div className="card-body flex flex-col gap-3">
        <OpenButtons machine={machine} ports={portsOf(recipe)} large onError={setError} />
        {error ? <ErrorBanner error={error} actions={{ retry: () => setError(null) }} /> : null}
      </div>
    </section>
  );
}
