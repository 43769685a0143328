// Snapshots: what is kept, when it came, what is in it, and the way back onto a
// machine.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { ArchiveRestore, Layers, RefreshCw, Send } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorBanner } from "../../app/error-banner";
import { useFormats, useWhen } from "../../app/format";
import { useShortcut } from "../../app/keys";
import { Page } from "../../app/page";
import { queries, useInfo, useRecipes, useSnapshots } from "../../app/queries";
import { useHost } from "../../app/session";
import type { Recipe, SnapshotGroup, SnapshotView } from "../../bindings";
import { CopyButton } from "../../design/copy-button";
import { Icon } from "../../design/icon";
import { Loading } from "../../design/loading";
import { Empty, Kbd } from "../../design/parts";
import { Segmented } from "../../design/segmented";
import { RestoreDialog } from "./restore-dialog";
import type { Selection } from "./selection";
import { SnapshotList } from "./snapshot-list";
import { Timeline } from "./timeline";
import { Tree } from "./tree";
import { recipeOf, tagsOf } from "./words";
import "./snapshots.css";

const ALL = "";
const PRUNE = "restic prune --repack-small";

export function SnapshotsScreen() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const snapshots = useSnapshots();
  const recipes = useRecipes().data ?? [];
  const practice = useInfo().data?.practice;
  const [only, setOnly] = useState(ALL);
  const client = useQueryClient();
  // The list, and what is said of the repository.
  const refresh = () => client.invalidateQueries({ queryKey: ["snapshots"] });
  useShortcut("r", true, refresh);
  const all = snapshots.data ?? [];
  const kept = recipes.filter(recipe =>
    all.some(group => recipeOf(group.newest, recipes)?.name === recipe.name),
  );
  const groups =
    only === ALL ? all : all.filter(group => recipeOf(group.newest, recipes)?.name === only);
  return (
    <Page
      full
      title={t("snapshots.title")}
      subject={
        <span className="flex min-w-0 flex-wrap items-center gap-2">
          {kept.length > 1 ? (
            <Segmented
              label={t("snapshots.ofRecipe")}
              value={only}
              choices={[
                { value: ALL, label: t("snapshots.allRecipes") },
                ...kept.map(recipe => ({ value: recipe.name ?? "", label: recipe.title })),
              ]}
              onChange={setOnly}
            />
          ) : null}
          {practice ? <span className="tag accent">{t("app.practice")}</span> : null}
        </span>
      }
    >
      {snapshots.error ? (
        <div className="body">
          <ErrorBanner error={snapshots.error} actions={{ retry: () => snapshots.refetch() }} />
        </div>
      ) : snapshots.isPending ? (
        <div className="body">
          <Loading rows={8}>{t("snapshots.reading")}</Loading>
        </div>
      ) : groups.length === 0 ? (
        <Empty
          icon={Layers}
          title={t("snapshots.none")}
          action={
            <button
              type="button"
              className="btn primary"
              onClick={() => navigate({ to: "/launch", search: { snapshot: "none" } })}
            >
              <Icon of={Send} />
              {t("snapshots.launchPlain")}
            </button>
          }
        >
          {t("snapshots.noneBody")}
        </Empty>
      ) : (
        <Inside groups={groups} recipes={recipes} onRefresh={refresh} />
      )}
    </Page>
  );
}

interface InsideProps {
  groups: SnapshotGroup[];
  recipes: Recipe[];
  onRefresh: () => void;
}

function Inside({ groups, recipes, onRefresh }: InsideProps) {
  const { t } = useTranslation();
  const asked = useSearch({ strict: false }).snapshot;
  const [chosen, setChosen] = useState<string | null>(asked ?? null);
  const every = groups.flatMap(group => [group.newest, ...group.same]);
  const snapshot = every.find(one => one.id === chosen) ?? groups[0]?.newest;
  const group = groups.find(group =>
    [group.newest, ...group.same].some(one => one.id === snapshot?.id),
  );
  if (!snapshot || !group) return null;
  return (
    <div className="snapshots">
      <Timeline groups={groups} chosen={group.newest.id} onChoose={setChosen} />
      <div className="snapshots-left">
        <SnapshotList groups={groups} recipes={recipes} chosen={snapshot.id} onChoose={setChosen} />
        <PruneNote />
        <div className="p-3">
          <button type="button" className="btn ghost small" onClick={onRefresh}>
            <Icon of={RefreshCw} size={14} />
            {t("snapshots.refresh")}
            <Kbd>R</Kbd>
          </button>
        </div>
      </div>
      <Detail
        key={snapshot.id}
        snapshot={snapshot}
        group={group}
        recipe={recipeOf(snapshot, recipes)}
      />
    </div>
  );
}

/** Many small packs cost stock restic a round trip each. */
function PruneNote() {
  const { t } = useTranslation();
  const f = useFormats();
  const hint = useQuery(queries.pruneHint(useHost())).data;
  if (!hint) return null;
  return (
    <div className="prune-note">
      <p className="caption">
        {t("snapshots.smallPacks", {
          count: hint.small_packs,
          packs: f.count(hint.small_packs),
          bytes: f.bytes(hint.bytes),
        })}
      </p>
      <div className="flex items-center gap-2">
        <code className="mono caption selectable min-w-0 flex-1">{PRUNE}</code>
        <CopyButton className="btn ghost small" text={() => PRUNE} />
      </div>
    </div>
  );
}

interface DetailProps {
  snapshot: SnapshotView;
  group: SnapshotGroup;
  recipe: Recipe | null;
}

function Detail({ snapshot, group, recipe }: DetailProps) {
  const { t } = useTranslation();
  const f = useFormats();
  const when = useWhen();
  const host = useHost();
  const navigate = useNavigate();
  const [selection, setSelection] = useState<Selection>(new Set());
  const [restoring, setRestoring] = useState(false);
  const paths = [...selection].sort();
  const count = useQuery(queries.count(host, snapshot.id, paths));
  const launch = () =>
    navigate({
      to: "/launch",
      search: { snapshot: snapshot.id, ...(recipe?.name ? { recipe: recipe.name } : {}) },
    });
  useShortcut("Enter", !restoring, launch);
  const picked = count.data
    ? t("launch.files", { count: count.data.files, files: f.count(count.data.files) })
    : "";
  const size = count.data ? f.bytes(count.data.bytes) : "";
  const sum = paths.length
    ? t("snapshots.picked", { files: picked, bytes: size })
    : t("snapshots.whole", { files: picked, bytes: size });
  return (
    <section className="snapshots-detail" aria-label={t("snapshots.one")}>
      <div className="detail-head">
        <div className="flex min-w-0 flex-wrap items-center gap-2">
          <h2 className="truncate text-16" title={tagsOf(snapshot)[0] ?? recipe?.title}>
            {tagsOf(snapshot)[0] ?? recipe?.title ?? snapshot.paths.join(", ")}
          </h2>
          <span className="flex-1" />
          <CopyButton
            className="btn ghost small"
            label={t("snapshots.copyId")}
            text={() => snapshot.id}
          />
        </div>
        <p className="caption selectable">
          <span className="mono">{snapshot.id.slice(0, 8)}</span>
          {" · "}
          {t("snapshots.tree")} <span className="mono">{snapshot.tree.slice(0, 8)}</span>
          {group.same.length ? ` ${t("snapshots.shared", { count: group.same.length + 1 })}` : ""}
          {" · "}
          {t("snapshots.from", {
            time: when(snapshot.time, host.clock.wall()),
            host: snapshot.hostname,
          })}
          {" · "}
          <span className="mono">{snapshot.paths.join(", ")}</span>
        </p>
      </div>
      <div className="detail-tree">
        <Tree
          snapshot={snapshot.id}
          bytes={snapshot.bytes}
          selection={selection}
          onSelect={setSelection}
        />
      </div>
      <div className="detail-foot">
        <div className="figure-of" role="status">
          <b>{sum}</b>
          <span>{paths.length ? t("snapshots.restoresThese") : t("snapshots.pickSome")}</span>
        </div>
        <span className="flex-1" />
        <button type="button" className="btn" onClick={() => setRestoring(true)}>
          <Icon of={ArchiveRestore} />
          {t("snapshots.restoreTo")}
        </button>
        <button type="button" className="btn primary" aria-keyshortcuts="Enter" onClick={launch}>
          <Icon of={Send} />
          {t("snapshots.launch")}
          <Kbd>Enter</Kbd>
        </button>
      </div>
      {restoring ? (
        <RestoreDialog
          snapshot={snapshot}
          include={paths}
          what={sum}
          recipe={recipe?.name ?? null}
          onClose={() => setRestoring(false)}
        />
      ) : null}
    </section>
  );
}
