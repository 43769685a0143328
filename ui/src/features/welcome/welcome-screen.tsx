// The first run: two keys, a recipe, and what is promised. Everything can be
// left for later; practice needs none of it.

import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Check, Eye, Lock, ShieldCheck } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useFormats } from "../../app/format";
import { useShortcut } from "../../app/keys";
import { usePreferences } from "../../app/preferences";
import { Problems } from "../../app/problems";
import { queries, useInfo, useRecipes } from "../../app/queries";
import { useHost } from "../../app/session";
import { Axis } from "../../design/axis";
import { Icon, Logo, RaceIcon } from "../../design/icon";
import { LegendItem } from "../../design/legend";
import { Mark } from "../../design/mark";
import { CLOUD_NAMES, Kbd } from "../../design/parts";
import { scaleFor } from "../../design/scale";
import { Segmented } from "../../design/segmented";
import { SwitchField } from "../../design/switch";
import { TimeBar } from "../../design/time-bar";
import { CloudKey } from "../settings/cloud-key";
import { StorageForm } from "../settings/storage-form";
import { FirstRecipe } from "./first-recipe";
import { WelcomeDial } from "./welcome-dial";
import "../settings/settings.css";
import "./welcome.css";

const STEPS = ["machines", "storage", "recipe", "start"] as const;
type StepName = (typeof STEPS)[number];

export function WelcomeScreen() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { preferences, change } = usePreferences();
  const [at, setAt] = useState(0);
  const step = STEPS[at] ?? "start";
  useEffect(() => {
    document.title = `${t("welcome.title")} – Dumont Cloud`;
  }, [t]);
  const end = () => {
    change({ guided: true });
    navigate({ to: "/launch" });
  };
  const next = () => (at === STEPS.length - 1 ? end() : setAt(at + 1));
  useShortcut("Enter", true, next);
  const about = useAbout();
  return (
    <div className="welcome">
      <main className="welcome-main">
        <div className="flex flex-wrap items-center gap-2">
          <Logo className="h-5 w-5" />
          <b className="font-semibold text-14">Dumont Cloud</b>
          <span className="flex-1" />
          <Segmented
            label={t("settings.look.language")}
            value={preferences.language}
            choices={[
              { value: "system", label: t("settings.look.languages.system") },
              { value: "en", label: t("settings.look.languages.en") },
              { value: "pt-BR", label: t("settings.look.languages.pt-BR") },
            ]}
            onChange={language => change({ language })}
          />
        </div>
        <h1>{t("welcome.title")}</h1>
        <p className="text-ink-2">{t("welcome.subtitle")}</p>
        <Problems />
        <ol className="welcome-steps">
          {STEPS.map((name, index) => (
            <Step
              key={name}
              name={name}
              number={index + 1}
              open={name === step}
              done={about[name].done}
              note={about[name].note}
              onOpen={() => setAt(index)}
            >
              <Inside name={name} onDone={next} />
            </Step>
          ))}
        </ol>
        <div className="welcome-foot">
          <button type="button" className="btn ghost" onClick={end}>
            <RaceIcon />
            {t("welcome.practise")}
          </button>
          <span className="caption">{t("welcome.practiseNote")}</span>
          <span className="flex-1" />
          {at > 0 ? (
            <button type="button" className="btn" onClick={() => setAt(at - 1)}>
              {t("welcome.back")}
            </button>
          ) : null}
          <button type="button" className="btn primary" aria-keyshortcuts="Enter" onClick={next}>
            {at === STEPS.length - 1
              ? t("welcome.finish")
              : about[step].done
                ? t("welcome.continue")
                : t("welcome.later")}
            <Kbd>Enter</Kbd>
          </button>
        </div>
      </main>
      <Promises />
    </div>
  );
}

/** What each step says while it is closed, and whether it is done. */
function useAbout(): Record<StepName, { done: boolean; note: string }> {
  const { t } = useTranslation();
  const host = useHost();
  const info = useInfo().data;
  const { preferences } = usePreferences();
  const secrets = useQuery(queries.secrets(host)).data ?? [];
  const settings = useQuery(queries.settings(host)).data;
  const recipes = useRecipes().data ?? [];
  const keys = secrets.flatMap(view =>
    view.secret.kind === "cloud-key" && view.set ? [CLOUD_NAMES[view.secret.cloud]] : [],
  );
  const location = settings?.storage?.location ?? "";
  const own = recipes.filter(recipe => recipe.name !== "default" && recipe.name !== "practice");
  return {
    machines: {
      done: keys.length > 0,
      note: keys.length
        ? keys.join(", ")
        : (info?.clouds ?? []).map(cloud => CLOUD_NAMES[cloud]).join(", "),
    },
    storage: { done: location !== "", note: location || t("welcome.notes.storage") },
    recipe: {
      done: own.length > 0,
      note: own.map(recipe => recipe.title).join(", ") || t("welcome.notes.recipe"),
    },
    start: { done: preferences.start_at_login, note: t("welcome.notes.start") },
  };
}

interface StepProps {
  name: StepName;
  number: number;
  open: boolean;
  done: boolean;
  note: string;
  onOpen: () => void;
  children: ReactNode;
}

function Step({ name, number, open, done, note, onOpen, children }: StepProps) {
  const { t } = useTranslation();
  return (
    <li
      className="welcome-step"
      data-open={open ? "" : undefined}
      data-done={done ? "" : undefined}
    >
      <button type="button" aria-expanded={open} aria-disabled={open} onClick={onOpen}>
        <span className="number" aria-hidden="true">
          {done ? <Icon of={Check} size={14} /> : number}
        </span>
        <b>{t(`welcome.steps.${name}`)}</b>
        <span className="truncate text-ink-2" title={note}>
          {note}
        </span>
        {done ? <span className="sr">{t("welcome.done")}</span> : null}
      </button>
      {open ? <div className="inside">{children}</div> : null}
    </li>
  );
}

function Inside({ name, onDone }: { name: StepName; onDone: () => void }) {
  const { t } = useTranslation();
  const { preferences, change } = usePreferences();
  const info = useInfo().data;
  switch (name) {
    case "machines":
      return (
        <>
          {(info?.clouds ?? []).map(cloud => (
            <CloudKey key={cloud} cloud={cloud} onKept={onDone} />
          ))}
        </>
      );
    case "storage":
      return <StorageForm onKept={onDone} />;
    case "recipe":
      return <FirstRecipe onKept={onDone} />;
    case "start":
      return (
        <div className="flex flex-wrap items-center gap-3 pt-1">
          <SwitchField
            label={t("settings.start.login")}
            checked={preferences.start_at_login}
            onChange={start_at_login => change({ start_at_login })}
          />
          <span className="text-ink-2">{t("welcome.startBody")}</span>
        </div>
      );
  }
}

/** What the app does and does not do with keys, machines and files. */
function Promises() {
  const { t } = useTranslation();
  const f = useFormats();
  const scale = scaleFor(50_000, 5);
  return (
    <aside className="welcome-side" aria-label={t("welcome.promise")}>
      <WelcomeDial />
      <h2>{t("welcome.tenSeconds")}</h2>
      <p className="text-ink-2">{t("welcome.tenSecondsBody")}</p>
      <hr className="rule-h my-3" />
      <ul>
        {(
          [
            [Lock, "keys"],
            [ShieldCheck, "running"],
            [Eye, "plainly"],
          ] as const
        ).map(([icon, name]) => (
          <li key={name}>
            <Icon of={icon} className="text-accent" />
            <div>
              <b>{t(`welcome.facts.${name}.title`)}</b>
              <p>{t(`welcome.facts.${name}.body`)}</p>
            </div>
          </li>
        ))}
      </ul>
      <div className="typical">
        <hr className="rule-h mb-3" />
        <div className="flex flex-wrap justify-between gap-x-3">
          <b className="font-semibold">{t("welcome.example")}</b>
          <span className="caption">{t("welcome.exampleSize", { size: `${f.count(7)} GB` })}</span>
        </div>
        <TimeBar
          spans={[
            { step: "create", from_ms: 0, to_ms: 1_200 },
            { step: "boot", from_ms: 1_200, to_ms: 9_100 },
            { step: "connect", from_ms: 9_100, to_ms: 10_400 },
            { step: "install", from_ms: 10_400, to_ms: 12_900 },
            { step: "restore", from_ms: 12_900, to_ms: 33_000 },
          ]}
          scale={scale}
          tone="won"
          pins={[
            { mark: "shell", at: 10_400 },
            { mark: "critical", at: 17_000 },
            { mark: "complete", at: 33_000 },
          ]}
          labels
          above
        />
        <Axis scale={scale} />
        <div className="mt-1 flex flex-wrap gap-x-4">
          {(["shell", "critical", "complete"] as const).map(name => (
            <LegendItem key={name} sample={<Mark name={name} state="reached" />}>
              {t(`app.marks.${name}`)}
            </LegendItem>
          ))}
        </div>
      </div>
    </aside>
  );
}
