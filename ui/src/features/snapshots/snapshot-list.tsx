// Snapshots day by day, equal contents folded into one.

import { ChevronRight, Layers } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useFormats } from "../../app/format";
import { useHost } from "../../app/session";
import type { Recipe, SnapshotGroup } from "../../bindings";
import { Icon } from "../../design/icon";
import { daysOf, recipeOf, tagsOf } from "./words";

interface SnapshotListProps {
  groups: SnapshotGroup[];
  recipes: Recipe[];
  chosen: string | null;
  onChoose: (id: string) => void;
}

export function SnapshotList({ groups, recipes, chosen, onChoose }: SnapshotListProps) {
  const { t } = useTranslation();
  const f = useFormats();
  const today = new Date(useHost().clock.wall()).setHours(0, 0, 0, 0);
  const dayName = (at: number) => {
    const day = new Date(at);
    if (at === today) return t("snapshots.today", { day: f.dayInLine(day) });
    return at === today - 86_400_000 ? t("snapshots.yesterday") : f.fullDay(day);
  };
  const latest = groups[0]?.newest.id;
  return (
    <div className="snapshot-list">
      {daysOf(groups).map(day => (
        <section key={day.at} aria-label={dayName(day.at)}>
          <h2>{dayName(day.at)}</h2>
          <ul>
            {day.groups.map(group => (
              <Entry
                key={group.newest.id}
                group={group}
                recipe={recipeOf(group.newest, recipes)}
                latest={group.newest.id === latest}
                chosen={chosen}
                onChoose={onChoose}
              />
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}

interface EntryProps {
  group: SnapshotGroup;
  recipe: Recipe | null;
  latest: boolean;
  chosen: string | null;
  onChoose: (id: string) => void;
}

function Entry({ group, recipe, latest, chosen, onChoose }: EntryProps) {
  const { t } = useTranslation();
  const f = useFormats();
  const [open, setOpen] = useState(false);
  const { newest, same } = group;
  const tags = tagsOf(newest);
  const what = recipe?.title ?? newest.paths.join(", ");
  const name = tags[0] ?? what;
  const about = [tags[0] ? what : "", newest.hostname].filter(Boolean).join(" · ");
  const times = same.map(other => f.minute(new Date(other.time)));
  return (
    <li>
      <button
        type="button"
        className="snapshot"
        aria-current={newest.id === chosen ? "true" : undefined}
        onClick={() => onChoose(newest.id)}
      >
        <Icon of={Layers} />
        <span className="first">
          <b className="truncate" title={name}>
            {name}
          </b>
          {tags.slice(1).map(tag => (
            <span key={tag} className="tag truncate" title={tag}>
              {tag}
            </span>
          ))}
          {latest ? <span className="tag accent">{t("snapshots.latest")}</span> : null}
        </span>
        <span className="time">{f.minute(new Date(newest.time))}</span>
        <span className="second truncate" title={about}>
          <span className="mono">{newest.id.slice(0, 8)}</span> · {about}
        </span>
        <span className="size">
          {newest.bytes === null ? "" : f.bytes(newest.bytes)}
          {newest.added_bytes === null ? null : (
            <span className="text-ink"> +{f.bytes(newest.added_bytes)}</span>
          )}
        </span>
      </button>
      {same.length ? (
        <div className="same">
          <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>
            <Icon of={ChevronRight} size={14} />
            {t("snapshots.same", { count: same.length })}
            {open || times.length > 3 ? "" : `: ${times.join(", ")}`}
          </button>
          {open ? (
            <ul>
              {same.map(other => (
                <li key={other.id}>
                  <button
                    type="button"
                    aria-current={other.id === chosen ? "true" : undefined}
                    onClick={() => onChoose(other.id)}
                  >
                    <span className="mono">{other.id.slice(0, 8)}</span>
                    <span className="flex-1" />
                    {f.minute(new Date(other.time))}
                  </button>
                </li>
              ))}
            </ul>
          ) : null}
        </div>
      ) : null}
    </li>
  );
}
