// The first recipe: a name, and what it begins with. The rest has defaults; all
// of it can be changed later.

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorBanner } from "../../app/error-banner";
import { useRecipes } from "../../app/queries";
import { useHost } from "../../app/session";
import { Segmented } from "../../design/segmented";
import { TextField } from "../../design/text-field";
import { formOf, recipeFrom, slugOf } from "../recipes/form";

export function FirstRecipe({ onKept }: { onKept: () => void }) {
  const { t } = useTranslation();
  const host = useHost();
  const client = useQueryClient();
  const recipes = useRecipes().data ?? [];
  const [title, setTitle] = useState("");
  const [snapshot, setSnapshot] = useState("latest");
  const [critical, setCritical] = useState("");
  const name = slugOf(title);
  const taken = recipes.some(recipe => recipe.name === name);
  const save = useMutation({
    mutationFn: () =>
      host.recipeSave(
        recipeFrom({ ...formOf(null), title, name, snapshot, critical }),
        // The one every world comes with gives way to the user's own.
        recipes.length === 1 && recipes[0]?.name === "default" ? "default" : null,
      ),
    onSuccess: onKept,
    onSettled: () => client.invalidateQueries({ queryKey: ["recipes"] }),
  });
  return (
    <div className="flex flex-col gap-3">
      <TextField
        label={t("recipes.fields.title")}
        placeholder="MuseTalk 1.5"
        value={title}
        onChange={setTitle}
        problem={taken ? t("recipes.problems.taken") : undefined}
      />
      <div className="text-field">
        <span className="text-12 text-ink-2" aria-hidden="true">
          {t("launch.snapshot.label")}
        </span>
        <div>
          <Segmented
            label={t("launch.snapshot.label")}
            value={snapshot}
            choices={[
              { value: "latest", label: t("launch.snapshot.latestLong") },
              { value: "none", label: t("launch.snapshot.noneLong") },
            ]}
            onChange={setSnapshot}
          />
        </div>
      </div>
      {snapshot === "latest" ? (
        <TextField
          label={t("recipes.fields.critical")}
          help={t("recipes.help.critical")}
          value={critical}
          onChange={setCritical}
          rows={2}
          mono
        />
      ) : null}
      {save.error ? <ErrorBanner error={save.error} actions={{ retry: save.reset }} /> : null}
      <div>
        <button
          type="button"
          className="btn primary"
          disabled={name === "" || taken || save.isPending}
          title={name === "" || taken ? t("app.missing") : undefined}
          onClick={() => save.mutate()}
        >
          {save.isPending ? <span className="spinner" /> : null}
          {t("app.save")}
        </button>
      </div>
    </div>
  );
}
