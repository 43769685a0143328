// Filters under a name: one press applies one, another forgets it.

import { Plus, Star, X } from "lucide-react";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { usePreferences } from "../../app/preferences";
import type { OfferFilter, OwnFilter, SavedFilter } from "../../bindings";
import { DialogBox } from "../../design/dialog";
import { Icon } from "../../design/icon";
import { TextField } from "../../design/text-field";
import { countSet } from "./rows";

interface SavedFiltersProps {
  filter: OfferFilter;
  own: OwnFilter;
  onApply: (saved: SavedFilter) => void;
}

/** Equal, whatever stands where nothing is said. */
const same = (a: unknown, b: unknown) => JSON.stringify(said(a)) === JSON.stringify(said(b));

function said(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, part]) => part !== null && part !== undefined && part !== false)
      .filter(([, part]) => !(Array.isArray(part) && part.length === 0))
      .sort(([a], [b]) => a.localeCompare(b)),
  );
}

export function SavedFilters({ filter, own, onApply }: SavedFiltersProps) {
  const { t } = useTranslation();
  const { preferences, change } = usePreferences();
  const [naming, setNaming] = useState(false);
  const saved = preferences.saved_filters;
  const here = saved.findIndex(one => same(one.filter, filter) && same(one.own, own));
  return (
    <>
      {saved.map((one, index) => (
        <span key={one.name} className="saved">
          <button
            type="button"
            className="chip"
            aria-pressed={index === here}
            onClick={() => onApply(one)}
          >
            <Icon of={Star} size={12} />
            {one.name}
          </button>
          {index === here ? (
            <button
              type="button"
              className="btn ghost small icon-only"
              aria-label={t("offers.forgetFilter", { name: one.name ?? "" })}
              title={t("offers.forgetFilter", { name: one.name ?? "" })}
              onClick={() => change({ saved_filters: saved.filter(other => other !== one) })}
            >
              <Icon of={X} size={14} />
            </button>
          ) : null}
        </span>
      ))}
      {here < 0 && countSet(filter, own) ? (
        <button type="button" className="btn ghost small" onClick={() => setNaming(true)}>
          <Icon of={Plus} size={14} />
          {t("offers.saveFilter")}
        </button>
      ) : null}
      {naming ? (
        <NameDialog
          taken={saved.map(one => one.name ?? "")}
          onClose={() => setNaming(false)}
          onName={name => {
            change({ saved_filters: [...saved, { name, filter, own, order: "rank" }] });
            setNaming(false);
          }}
        />
      ) : null}
    </>
  );
}

interface NameDialogProps {
  taken: string[];
  onClose: () => void;
  onName: (name: string) => void;
}

function NameDialog({ taken, onClose, onName }: NameDialogProps) {
  const { t } = useTranslation();
  const [name, setName] = useState("");
  const field = useRef<HTMLInputElement>(null);
  const trimmed = name.trim();
  const isTaken = taken.includes(trimmed);
  const fits = trimmed !== "" && !isTaken;
  return (
    <DialogBox
      open
      onClose={onClose}
      title={t("offers.saveFilter")}
      initialFocus={field}
      main={{ label: t("app.save"), run: () => onName(trimmed), off: !fits }}
    >
      <div className="mt-3">
        <TextField
          label={t("offers.filterName")}
          value={name}
          onChange={setName}
          problem={isTaken ? t("offers.filterTaken") : undefined}
          inputRef={field}
          onEnter={() => fits && onName(trimmed)}
        />
      </div>
    </DialogBox>
  );
}
