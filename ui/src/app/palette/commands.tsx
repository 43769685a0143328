// Everything the palette can do: what there is now, and what is always there.

import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import i18next, { type ParseKeys, type TFunction } from "i18next";
import type { LucideIcon } from "lucide-react";
import {
  ChartNoAxesColumn,
  CodeXml,
  History,
  Keyboard,
  Languages,
  Layers,
  Palette as PaletteIcon,
  Pencil,
  Plus,
  Send,
  Server,
  SlidersHorizontal,
  SquareTerminal,
} from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Language, LaunchRequest, Theme } from "../../bindings";
import { draftOf, requestOf } from "../../features/launch/draft";
import { recipeOf, tagsOf } from "../../features/snapshots/words";
import { useFormats, useWhen } from "../format";
import { useKeysSheet } from "../keys-sheet";
import { PLACES } from "../nav";
import { usePreferences } from "../preferences";
import { refreshRecords, useInfo, useMachines, useRecipes, useSnapshots } from "../queries";
import { useCurrentRun, useSession } from "../session";

export interface Command {
  id: string;
  group: ParseKeys;
  icon: LucideIcon;
  text: string;
  /** The same in the other language. */
  others: string[];
  /** A figure behind it. */
  note?: string;
  /** It launches this: what that means is said before it is chosen. */
  launches?: LaunchRequest;
  run: () => unknown;
}

const LANGUAGES = ["en", "pt-BR"] as const;
const THEMES: Theme[] = ["system", "dark", "light", "high-contrast"];
const SPOKEN: Language[] = ["system", "en", "pt-BR"];
const SNAPSHOTS = 20;

export function useCommands(): Command[] {
  const { t, i18n } = useTranslation();
  const f = useFormats();
  const when = useWhen();
  const session = useSession();
  const { host } = session;
  const client = useQueryClient();
  const navigate = useNavigate();
  const { change, preferences } = usePreferences();
  const sheet = useKeysSheet();
  const run = useCurrentRun();
  const practice = useInfo().data?.practice ?? true;
  const recipes = useRecipes().data ?? [];
  const snapshots = useSnapshots().data ?? [];
  const machines = (useMachines().data ?? []).filter(machine => machine.kept);
  const now = host.clock.wall();

  /** A sentence in the window's language, and in the others. */
  const say = (words: (t: TFunction) => string) => ({
    text: words(t),
    others: LANGUAGES.filter(language => language !== i18n.resolvedLanguage).map(language =>
      words(i18next.getFixedT(language)),
    ),
  });
  const launch = async (request: LaunchRequest) => {
    const began = await host.runLaunch(request);
    session.setCurrent(began);
    refreshRecords(client);
    navigate({ to: "/run/$run", params: { run: began } });
  };

  const commands: Command[] = [];
  for (const recipe of recipes) {
    const { name = "", title = "" } = recipe;
    const launches = requestOf(draftOf(recipe));
    commands.push({
      id: `launch-${name}`,
      group: "palette.groups.launch",
      icon: Send,
      ...say(t => t("palette.launch", { title })),
      launches,
      run: () => launch(launches),
    });
  }
  for (const { name = "", title = "" } of recipes) {
    commands.push({
      id: `older-${name}`,
      group: "palette.groups.launch",
      icon: History,
      ...say(t => t("palette.older", { title })),
      run: () => navigate({ to: "/launch", search: { recipe: name, pick: "snapshot" } }),
    });
  }
  if (run) {
    commands.push({
      id: "run",
      group: "palette.groups.go",
      icon: Send,
      ...say(t => t("palette.run")),
      run: () => navigate({ to: "/run/$run", params: { run } }),
    });
  }
  for (const place of PLACES) {
    commands.push({
      id: place.to,
      group: "palette.groups.go",
      icon: place.icon,
      ...say(t => t(place.name)),
      run: () => navigate({ to: place.to }),
    });
  }
  commands.push({
    id: "runs",
    group: "palette.groups.go",
    icon: History,
    ...say(t => t("runs.title")),
    run: () => navigate({ to: "/runs" }),
  });
  for (const machine of machines) {
    const place = machine.location;
    commands.push({
      id: `machine-${machine.machine}`,
      group: "palette.groups.machines",
      icon: Server,
      ...say(t => t("palette.machine", { gpu: machine.gpu, place })),
      note: f.perHour(machine.price),
      run: () => navigate({ to: "/machines" }),
    });
    // A practice machine has no shell to open.
    if (practice) continue;
    commands.push(
      {
        id: `terminal-${machine.machine}`,
        group: "palette.groups.machines",
        icon: SquareTerminal,
        ...say(t => t("palette.terminal", { gpu: machine.gpu, place })),
        run: () => host.machineOpen(machine.machine, { kind: "terminal" }),
      },
      {
        id: `code-${machine.machine}`,
        group: "palette.groups.machines",
        icon: CodeXml,
        ...say(t => t("palette.vsCode", { gpu: machine.gpu, place })),
        run: () => host.machineOpen(machine.machine, { kind: "vs-code" }),
      },
    );
  }
  for (const { name = "", title = "" } of recipes) {
    commands.push(
      {
        id: `offers-${name}`,
        group: "palette.groups.offers",
        icon: SlidersHorizontal,
        ...say(t => t("palette.offers", { title })),
        run: () => navigate({ to: "/offers", search: { recipe: name } }),
      },
      {
        id: `edit-${name}`,
        group: "palette.groups.recipes",
        icon: Pencil,
        ...say(t => t("palette.edit", { title })),
        run: () => navigate({ to: "/recipe/$name", params: { name } }),
      },
    );
  }
  commands.push(
    {
      id: "new-recipe",
      group: "palette.groups.recipes",
      icon: Plus,
      ...say(t => t("launch.newRecipe")),
      run: () => navigate({ to: "/recipe" }),
    },
    {
      id: "fast-hosts",
      group: "palette.groups.offers",
      icon: ChartNoAxesColumn,
      ...say(t => t("palette.hosts")),
      run: () => navigate({ to: "/hosts" }),
    },
  );
  for (const { newest } of snapshots.slice(0, SNAPSHOTS)) {
    commands.push({
      id: `snapshot-${newest.id}`,
      group: "palette.groups.snapshots",
      icon: Layers,
      text: [recipeOf(newest, recipes)?.title ?? newest.paths.join(", "), ...tagsOf(newest)].join(
        ", ",
      ),
      others: [newest.id, newest.hostname],
      note: `${newest.id.slice(0, 8)} · ${when(newest.time, now)}`,
      run: () => navigate({ to: "/snapshots", search: { snapshot: newest.id } }),
    });
  }
  for (const theme of THEMES) {
    commands.push({
      id: `theme-${theme}`,
      group: "palette.groups.settings",
      icon: PaletteIcon,
      ...say(t => t(`settings.look.themes.${theme}`)),
      note: t("settings.look.theme"),
      run: () => change({ theme }),
    });
  }
  for (const language of SPOKEN) {
    commands.push({
      id: `language-${language}`,
      group: "palette.groups.settings",
      icon: Languages,
      ...say(t => t(`settings.look.languages.${language}`)),
      note: t("settings.look.language"),
      run: () => change({ language }),
    });
  }
  commands.push(
    {
      id: "letters",
      group: "palette.groups.settings",
      icon: Keyboard,
      ...say(t => t(preferences.letter_keys ? "palette.lettersOff" : "palette.lettersOn")),
      run: () => change({ letter_keys: !preferences.letter_keys }),
    },
    {
      id: "keys",
      group: "palette.groups.settings",
      icon: Keyboard,
      ...say(t => t("keys.title")),
      run: sheet.open,
    },
  );
  return commands;
}
