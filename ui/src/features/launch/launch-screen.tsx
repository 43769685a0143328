// Launch: choose a recipe, see what it means, press.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Layers, Plus } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorBanner } from "../../app/error-banner";
import type { ScreenAction } from "../../app/errors";
import { useShortcut } from "../../app/keys";
import { Page } from "../../app/page";
import { queries, refreshRecords, useInfo, useRuns } from "../../app/queries";
import { useHost, useSession } from "../../app/session";
import type { Recipe } from "../../bindings";
import { CheckField } from "../../design/controls";
import { Icon } from "../../design/icon";
import { Loading } from "../../design/loading";
import { Banner, Empty } from "../../design/parts";
import { HostError } from "../../host";
import { type Draft, draftOf, requestOf, withFilter } from "./draft";
import { GpuField } from "./gpu-field";
import { LastRuns } from "./last-runs";
import { PlaceField } from "./place-field";
import { PolicyTable } from "./policy-table";
import { PredictionCard } from "./prediction-card";
import { PriceField } from "./price-field";
import { RecipeCards } from "./recipe-cards";
import { recordsOf } from "./record";
import { SnapshotField } from "./snapshot-field";
import { useEstimates } from "./use-estimates";
import "./launch.css";

export function LaunchScreen() {
  const { t } = useTranslation();
  const host = useHost();
  const navigate = useNavigate();
  const asked = useSearch({ strict: false });
  const recipes = useQuery(queries.recipes(host));
  const info = useInfo();
  const list = recipes.data;
  return (
    <Page
      title={t("launch.title")}
      subject={
        info.data?.practice ? (
          <span className="flex min-w-0 flex-wrap items-center gap-x-2">
            <span className="tag accent">{t("app.practice")}</span>
            <span className="caption">{t("app.practiceSentence")}</span>
          </span>
        ) : null
      }
    >
      {recipes.error ? (
        <ErrorBanner error={recipes.error} actions={{ retry: () => recipes.refetch() }} />
      ) : list?.length ? (
        // What the form is asked to begin with makes it another form.
        <LaunchForm
          key={JSON.stringify(asked)}
          recipes={list}
          practice={info.data?.practice ?? false}
          asked={asked}
        />
      ) : list ? (
        <div className="flex h-full">
          <Empty
            icon={Layers}
            title={t("launch.noRecipe")}
            action={
              <button
                type="button"
                className="btn primary"
                onClick={() => navigate({ to: "/recipe" })}
              >
                <Icon of={Plus} />
                {t("launch.newRecipe")}
              </button>
            }
          >
            {t("launch.noRecipeBody")}
          </Empty>
        </div>
      ) : (
        <Loading>{t("launch.loading")}</Loading>
      )}
    </Page>
  );
}

interface LaunchFormProps {
  recipes: Recipe[];
  practice: boolean;
  /** Recipe and snapshot to begin with, and what to open at once. */
  asked: { recipe?: string; snapshot?: string; pick?: string };
}

function LaunchForm({ recipes, practice, asked }: LaunchFormProps) {
  const { t } = useTranslation();
  const session = useSession();
  const { host } = session;
  const client = useQueryClient();
  const navigate = useNavigate();
  const picker = useRef<HTMLButtonElement>(null);
  const [draft, setDraft] = useState<Draft>(() => {
    const recipe = recipes.find(recipe => recipe.name === asked.recipe) ?? recipes[0];
    const draft = draftOf(recipe ?? {});
    return asked.snapshot ? { ...draft, snapshot: asked.snapshot } : draft;
  });
  const snapshots = useQuery(queries.snapshots(host));
  const runs = useRuns();
  useEffect(() => {
    if (asked.pick === "snapshot") picker.current?.click();
  }, [asked.pick]);

  const asks = useEstimates(draft);
  const { estimate, error, retry } = asks;
  const launch = useMutation({
    mutationFn: () => host.runLaunch(requestOf(draft)),
    onSuccess: run => {
      session.predict(run, estimate?.shell ?? null);
      session.setCurrent(run);
      refreshRecords(client);
      navigate({ to: "/run/$run", params: { run } });
    },
  });
  const blocked = error !== null;
  const refused = estimate?.refused ? new HostError(estimate.refused) : null;
  const canLaunch = !launch.isPending && !launch.isSuccess && !blocked && !refused;
  const go = () => launch.mutate();
  useShortcut("Enter", canLaunch, go);

  const change = (next: Draft) => {
    setDraft(next);
    launch.reset();
  };
  const choose = (name: string) => {
    const recipe = recipes.find(recipe => recipe.name === name);
    if (recipe) change(draftOf(recipe));
  };
  const actions: Partial<Record<ScreenAction, () => void>> = {
    retry: () => {
      launch.reset();
      retry();
    },
    "clear-filters": () =>
      change(
        withFilter(draft, {
          gpu: null,
          num_gpus: null,
          datacenter_only: false,
          verified_only: false,
          countries: [],
        }),
      ),
    "drop-cap": () => change(withFilter(draft, { max_price: null })),
    "choose-snapshot": () => picker.current?.click(),
    "edit-recipe": () => {
      if (draft.name) navigate({ to: "/recipe/$name", params: { name: draft.name } });
    },
    "without-snapshot": () => change({ ...draft, snapshot: "none" }),
  };
  const failure = launch.error ?? error ?? refused;
  const records = recordsOf(runs.data ?? [], draft.name ?? "");

  return (
    <>
      {failure ? (
        <div className="mb-3">
          <ErrorBanner error={failure} actions={actions} />
        </div>
      ) : null}
      <div className="launch-split">
        <div className="flex min-w-0 flex-col gap-3">
          <RecipeCards
            recipes={recipes}
            runs={runs.data ?? []}
            chosen={draft.name ?? ""}
            onChoose={choose}
          />
          <div className="card">
            <div className="form-row">
              <span className="label" aria-hidden="true">
                {t("launch.snapshot.label")}
              </span>
              <SnapshotField
                value={draft.snapshot ?? "latest"}
                groups={snapshots.data ?? []}
                meant={asks.snapshot}
                onChange={snapshot => change({ ...draft, snapshot })}
                triggerRef={picker}
              />
            </div>
            <div className="form-row">
              <span className="label" aria-hidden="true">
                {t("launch.gpu")}
              </span>
              <GpuField draft={draft} estimate={estimate} onChange={change} />
            </div>
            <div className="form-row">
              <span className="label" aria-hidden="true">
                {t("launch.priceCap")}
              </span>
              <PriceField
                cap={draft.filter.max_price ?? null}
                prices={asks.prices}
                waiting={asks.otherMarket}
                onChange={max_price => change(withFilter(draft, { max_price }))}
              />
            </div>
            <div className="form-row">
              <span className="label" aria-hidden="true">
                {t("launch.where")}
              </span>
              <div className="flex flex-wrap items-center gap-x-4 gap-y-1">
                <PlaceField
                  countries={draft.filter.countries ?? []}
                  onChange={countries => change(withFilter(draft, { countries }))}
                />
                <CheckField
                  checked={draft.filter.verified_only ?? false}
                  onChange={verified_only => change(withFilter(draft, { verified_only }))}
                >
                  {t("launch.verified")}
                </CheckField>
                <CheckField
                  checked={draft.filter.datacenter_only ?? false}
                  onChange={datacenter_only => change(withFilter(draft, { datacenter_only }))}
                >
                  {t("launch.datacenters")}
                </CheckField>
              </div>
            </div>
          </div>
          {snapshots.error ? (
            <Banner
              tone="warn"
              title={t("launch.noSnapshots")}
              action={
                <button type="button" className="btn small" onClick={() => snapshots.refetch()}>
                  {t("errors.actions.retry")}
                </button>
              }
            >
              {t("launch.noSnapshotsBody")}
            </Banner>
          ) : null}
          <PolicyTable
            value={draft.policy ?? "strict"}
            estimates={asks.estimates}
            history={asks.history}
            records={records}
            onChange={policy => change({ ...draft, policy })}
          />
        </div>
        <PredictionCard
          estimate={estimate}
          record={records[draft.policy ?? "strict"]}
          history={asks.history}
          practice={practice}
          launching={launch.isPending}
          blocked={blocked}
          refused={refused !== null}
          onLaunch={go}
        />
      </div>
      <LastRuns runs={runs.data ?? []} />
    </>
  );
}
