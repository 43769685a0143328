// Machines: what runs, what it does, what it costs, and what should not run.

import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Send, Server, ServerOff } from "lucide-react";
import { useTranslation } from "react-i18next";
import { ErrorBanner } from "../../app/error-banner";
import { useFormats, useWhen } from "../../app/format";
import { useBlind, useResuming } from "../../app/guard";
import { useShortcut } from "../../app/keys";
import { useNow } from "../../app/now";
import { Page } from "../../app/page";
import { refreshRecords, useInfo, useMachines, useRecipes, useRuns } from "../../app/queries";
import { useHost } from "../../app/session";
import type { MachineView, Recipe, RunSummary } from "../../bindings";
import { Icon } from "../../design/icon";
import { Loading } from "../../design/loading";
import { Banner, Empty, Kbd } from "../../design/parts";
import { EndedToday } from "./ended-today";
import { KeptCard } from "./kept-card";
import { Leftovers } from "./leftovers";
import { MoneyStrip } from "./money-strip";
import { OtherMachines } from "./other-machines";
import { recipeOfMachine } from "./ports";
import "./machines.css";

export function MachinesScreen() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const machines = useMachines();
  const recipes = useRecipes().data ?? [];
  const runs = useRuns().data ?? [];
  const practice = useInfo().data?.practice;
  const blind = useBlind();
  const resuming = useResuming();
  const all = machines.data ?? [];
  const ours = all.filter(machine => machine.ownership === "ours");
  const others = all.filter(machine => machine.ownership !== "ours");
  useShortcut("r", true, () => refreshRecords(client));
  return (
    <Page
      title={t("machines.title")}
      subject={
        <span className="flex min-w-0 flex-wrap items-center gap-x-2">
          {ours.length ? <Sum machines={ours} /> : null}
          {practice ? <span className="tag accent">{t("app.practice")}</span> : null}
        </span>
      }
    >
      <div className="flex min-h-full flex-col gap-3">
        <Leftovers machines={all} />
        {resuming ? (
          <Banner tone="accent" title={t("machines.resuming", { count: resuming })}>
            {t("machines.resumingBody")}
          </Banner>
        ) : null}
        <MoneyStrip />
        {machines.error ? (
          <ErrorBanner error={machines.error} actions={{ retry: () => machines.refetch() }} />
        ) : null}
        {machines.isPending ? (
          <Loading rows={3}>{t("machines.asking")}</Loading>
        ) : ours.length ? (
          ours.map(machine => (
            <KeptCard
              key={`${machine.cloud}-${machine.machine}`}
              machine={machine}
              recipe={recipeOfMachine(machine, runs, recipes)}
              title={titleOf(machine, runs)}
            />
          ))
        ) : machines.error ? null : blind ? (
          <Empty icon={ServerOff} title={t("machines.blind")}>
            {t("machines.blindBody")}
          </Empty>
        ) : (
          <Nothing recipes={recipes} runs={runs} />
        )}
        <OtherMachines machines={others} />
        <EndedToday runs={runs} />
      </div>
    </Page>
  );
}

function titleOf(machine: MachineView, runs: RunSummary[]): string {
  return runs.find(run => run.run === machine.run)?.title ?? machine.gpu;
}

/** How many, what an hour costs, what they cost since they began. */
function Sum({ machines }: { machines: MachineView[] }) {
  const { t } = useTranslation();
  const f = useFormats();
  const now = useNow(5_000);
  const price = machines.reduce((sum, machine) => sum + machine.price, 0);
  const spent = machines.reduce((sum, machine) => {
    const lived = machine.since === null ? 0 : Math.max(now - Date.parse(machine.since), 0);
    return sum + Math.max(machine.spent, (machine.price * lived) / 3_600_000);
  }, 0);
  return (
    <span className="text-ink-3">
      {t("app.running", { count: machines.length })},{" "}
      <b className="font-medium text-ink">{f.perHour(price)}</b>,{" "}
      {t("machines.sinceStart", { money: f.money(Math.ceil(spent)) })}
    </span>
  );
}

/** Nothing runs: one fact, one action. */
function Nothing({ recipes, runs }: { recipes: Recipe[]; runs: RunSummary[] }) {
  const { t } = useTranslation();
  const when = useWhen();
  const now = useHost().clock.wall();
  const navigate = useNavigate();
  const last = runs[0];
  const recipe = recipes.find(recipe => recipe.name === last?.recipe) ?? recipes[0];
  const launch = () =>
    navigate({ to: "/launch", ...(recipe?.name ? { search: { recipe: recipe.name } } : {}) });
  useShortcut("Enter", true, launch);
  return (
    <Empty
      icon={Server}
      title={t("machines.none")}
      action={
        <button type="button" className="btn primary" aria-keyshortcuts="Enter" onClick={launch}>
          <Icon of={Send} />
          {recipe?.title ? t("machines.launch", { title: recipe.title }) : t("launch.title")}
          <Kbd>Enter</Kbd>
        </button>
      }
    >
      {last
        ? t("machines.lastRun", { title: last.title, time: when(last.started, now) })
        : t("machines.noRun")}
    </Empty>
  );
}
