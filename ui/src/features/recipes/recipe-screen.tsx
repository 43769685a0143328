// A recipe: everything one launch needs to know. Made, changed, doubled,
// deleted.

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Copy, Trash2 } from "lucide-react";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorBanner } from "../../app/error-banner";
import { Page } from "../../app/page";
import { useRecipes } from "../../app/queries";
import { useHost } from "../../app/session";
import type { Recipe } from "../../bindings";
import { Confirm } from "../../design/controls";
import { Icon } from "../../design/icon";
import { Loading } from "../../design/loading";
import { formOf, type Problems, problemsOf, type RecipeForm, recipeFrom, slugOf } from "./form";
import { RecipeFields } from "./recipe-fields";
import "../offers/offers.css";
import "./recipes.css";

export function RecipeScreen() {
  const { t } = useTranslation();
  const { name } = useParams({ strict: false });
  const from = useSearch({ strict: false }).from;
  const recipes = useRecipes();
  const list = recipes.data;
  const old = list?.find(recipe => recipe.name === name) ?? null;
  const model = old ?? list?.find(recipe => recipe.name === from) ?? null;
  if (recipes.error || !list) {
    return (
      <Page title={t("recipes.title")}>
        {recipes.error ? (
          <ErrorBanner error={recipes.error} actions={{ retry: () => recipes.refetch() }} />
        ) : (
          <Loading>{t("launch.loading")}</Loading>
        )}
      </Page>
    );
  }
  return <Editor key={name ?? `new-${from ?? ""}`} recipes={list} old={old} model={model} />;
}

interface EditorProps {
  recipes: Recipe[];
  /** The one that is changed; absent: a new one. */
  old: Recipe | null;
  /** What the form begins with. */
  model: Recipe | null;
}

function Editor({ recipes, old, model }: EditorProps) {
  const { t } = useTranslation();
  const host = useHost();
  const client = useQueryClient();
  const navigate = useNavigate();
  const keep = useRef<HTMLButtonElement>(null);
  const [asking, setAsking] = useState(false);
  const [tried, setTried] = useState(false);
  const names = recipes.flatMap(recipe => (recipe === old ? [] : (recipe.name ?? [])));
  const [form, setForm] = useState<RecipeForm>(() => {
    const form = formOf(model);
    if (old || !model) return form;
    const title = t("recipes.copyOf", { title: form.title });
    return { ...form, title, name: slugOf(title), named: false };
  });
  const problems = problemsOf(form, names);
  const shown: Problems = tried ? problems : problems.name === "taken" ? { name: "taken" } : {};
  const change = (part: Partial<RecipeForm>) => setForm({ ...form, ...part });

  const settled = () =>
    Promise.all([
      client.invalidateQueries({ queryKey: ["recipes"] }),
      client.invalidateQueries({ queryKey: ["estimate"] }),
    ]);
  const save = useMutation({
    mutationFn: () => host.recipeSave(recipeFrom(form), old?.name ?? null),
    onSuccess: async () => {
      await settled();
      navigate({ to: "/launch", search: { recipe: form.name } });
    },
  });
  const remove = useMutation({
    mutationFn: () => host.recipeDelete(old?.name ?? ""),
    onSuccess: async () => {
      await settled();
      navigate({ to: "/launch" });
    },
  });
  const trySave = () => {
    setTried(true);
    if (Object.keys(problems).length === 0) save.mutate();
    else document.querySelector<HTMLElement>(".recipe-form [aria-invalid=true]")?.focus();
  };
  const last = recipes.length === 1;
  return (
    <Page
      title={old ? t("recipes.edit", { title: old.title ?? "" }) : t("launch.newRecipe")}
      actions={
        <>
          {old ? (
            <>
              <button
                type="button"
                className="btn ghost"
                onClick={() =>
                  navigate({ to: "/recipe", search: old.name ? { from: old.name } : {} })
                }
              >
                <Icon of={Copy} />
                {t("recipes.duplicate")}
              </button>
              <button
                type="button"
                className="btn danger"
                disabled={last || remove.isPending}
                title={last ? t("recipes.last") : undefined}
                onClick={() => setAsking(true)}
              >
                <Icon of={Trash2} />
                {t("recipes.delete")}
              </button>
            </>
          ) : null}
          <button type="button" className="btn" onClick={() => navigate({ to: "/launch" })}>
            {t("app.cancel")}
          </button>
          <button type="button" className="btn primary" disabled={save.isPending} onClick={trySave}>
            {save.isPending ? <span className="spinner" /> : null}
            {t("app.save")}
          </button>
        </>
      }
    >
      {save.error || remove.error ? (
        <div className="mb-3">
          <ErrorBanner
            error={save.error ?? remove.error ?? new Error()}
            actions={{
              retry: () => {
                save.reset();
                remove.reset();
              },
            }}
          />
        </div>
      ) : null}
      <form
        className="recipe-form"
        onSubmit={event => {
          event.preventDefault();
          trySave();
        }}
      >
        <RecipeFields form={form} problems={shown} onChange={change} />
      </form>
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        keepRef={keep}
        title={t("recipes.deleteTitle", { title: old?.title ?? "" })}
        keep={t("app.cancel")}
        confirm={t("recipes.delete")}
        onConfirm={() => {
          setAsking(false);
          remove.mutate();
        }}
      >
        <p>{t("recipes.deleteBody")}</p>
      </Confirm>
    </Page>
  );
}
