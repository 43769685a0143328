// Offers: what the clouds rent out now, filtered, sorted, and raced by hand.

import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { ListFilter, RefreshCw, SlidersHorizontal } from "lucide-react";
import { useMemo, useRef, useState, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { ErrorBanner } from "../../app/error-banner";
import { useFormats } from "../../app/format";
import { useShortcut } from "../../app/keys";
import { Page } from "../../app/page";
import { queries, refreshRecords, useInfo, useRecipes } from "../../app/queries";
import { RULES } from "../../app/rules";
import { useHost, useSession } from "../../app/session";
import type { OfferFilter, OwnFilter, Rate, Recipe } from "../../bindings";
import { SelectField } from "../../design/controls";
import { Icon } from "../../design/icon";
import { Loading } from "../../design/loading";
import { CLOUD_NAMES, CloudBadge, Empty } from "../../design/parts";
import { useSettled } from "../launch/use-settled";
import { FilterPanel } from "./filter-panel";
import { OffersBar } from "./offers-bar";
import { OffersTable } from "./offers-table";
import { arrange, bestOf, countSet, type Order } from "./rows";
import { SavedFilters } from "./saved-filters";
import "./offers.css";

/** Below this width the filters are a drawer. */
const NARROW = matchMedia("(max-width: 1120px)");
/** A filter must rest before the server is asked: its rows are counted. */
const SETTLE_MS = 500;

export function OffersScreen() {
  const { t } = useTranslation();
  const recipes = useRecipes();
  if (recipes.error) {
    return (
      <Page title={t("offers.title")}>
        <ErrorBanner error={recipes.error} actions={{ retry: () => recipes.refetch() }} />
      </Page>
    );
  }
  if (!recipes.data) {
    return (
      <Page title={t("offers.title")}>
        <Loading>{t("launch.loading")}</Loading>
      </Page>
    );
  }
  return <Offers recipes={recipes.data} />;
}

function Offers({ recipes }: { recipes: Recipe[] }) {
  const { t } = useTranslation();
  const f = useFormats();
  const session = useSession();
  const host = useHost();
  const client = useQueryClient();
  const navigate = useNavigate();
  const info = useInfo().data;
  const asked = useSearch({ strict: false }).recipe;
  const [name, setName] = useState(asked ?? recipes[0]?.name ?? "");
  const recipe = recipes.find(recipe => recipe.name === name) ?? recipes[0];
  const [filter, setFilter] = useState<OfferFilter>(() => recipe?.filter ?? {});
  const [own, setOwn] = useState<OwnFilter>({});
  const [order, setOrder] = useState<Order>({ column: "rank", descending: false });
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const [drawer, setDrawer] = useState(false);
  const narrow = useSyncExternalStore(
    listener => {
      NARROW.addEventListener("change", listener);
      return () => NARROW.removeEventListener("change", listener);
    },
    () => NARROW.matches,
  );

  const settled = useSettled(filter, SETTLE_MS);
  const search = useQuery({ ...queries.offers(host, settled), placeholderData: keepPreviousData });
  const rows = search.data?.rows;
  const shown = useMemo(() => arrange(rows ?? [], filter, own, order), [rows, filter, own, order]);
  const prices = usePrices(rows, filter.gpu ?? null);
  const stale = settled !== filter || search.isPlaceholderData;

  const pick = (id: string, on: boolean) =>
    setPicked(before => {
      const next = new Set(before);
      if (on && next.size < RULES.lanes) next.add(id);
      if (!on) next.delete(id);
      return next;
    });
  const pickRef = useRef(pick);
  pickRef.current = pick;
  const stablePick = useRef((id: string, on: boolean) => pickRef.current(id, on)).current;
  const best = bestOf(shown, RULES.lanes);
  const hasBest = best.length === picked.size && best.every(id => picked.has(id));
  const pickBest = () => setPicked(new Set(best));
  const chosen = shown.filter(row => picked.has(row.offer.id));

  const request = {
    recipe: { ...recipe, filter },
    only_offers: chosen.map(row => row.offer.id),
  };
  const launch = useMutation({
    mutationFn: () => host.runLaunch(request),
    onSuccess: run => {
      session.setCurrent(run);
      refreshRecords(client);
      navigate({ to: "/run/$run", params: { run } });
    },
  });
  const canRace = chosen.length > 0 && !launch.isPending && !launch.isSuccess;
  const race = () => launch.mutate();
  const find = () => document.querySelector<HTMLInputElement>(".filters input")?.focus();
  useShortcut("Enter", canRace, race);
  useShortcut("b", best.length > 0, pickBest);
  useShortcut("r", true, () => search.refetch());
  useShortcut("f", true, () => {
    if (narrow) setDrawer(!drawer);
    else find();
  });
  useShortcut("/", true, () => {
    if (narrow) setDrawer(true);
    setTimeout(find);
  });

  const clear = () => {
    setFilter({});
    setOwn({});
  };
  const choose = (next: string) => {
    setName(next);
    setFilter(recipes.find(recipe => recipe.name === next)?.filter ?? {});
    setPicked(new Set());
  };
  const counts = (info?.clouds ?? []).map(cloud => ({
    cloud,
    count: (rows ?? []).filter(row => row.offer.cloud === cloud).length,
  }));

  return (
    <Page
      full
      title={t("offers.title")}
      subject={
        <span className="flex min-w-0 flex-wrap items-center gap-2">
          {recipe ? (
            <SelectField
              label={t("offers.for")}
              value={recipe.name ?? ""}
              choices={recipes.map(recipe => ({
                value: recipe.name ?? "",
                label: recipe.title ?? "",
              }))}
              onChange={choose}
              className="small max-w-[220px]"
            >
              <span className="truncate" title={recipe.title}>
                {t("offers.forRecipe", { title: recipe.title ?? "" })}
              </span>
            </SelectField>
          ) : null}
          {counts.length > 1 && rows
            ? counts.map(({ cloud, count }) => (
                <span key={cloud} className="inline-flex items-center gap-[6px] text-12 text-ink-2">
                  <CloudBadge cloud={cloud} />
                  {CLOUD_NAMES[cloud]} <span className="text-ink-3">{f.count(count)}</span>
                </span>
              ))
            : null}
          {info?.practice ? <span className="tag accent">{t("app.practice")}</span> : null}
        </span>
      }
    >
      <div className="offers" data-drawer={drawer && narrow ? "" : undefined}>
        {!narrow || drawer ? (
          <FilterPanel
            filter={filter}
            own={own}
            prices={prices}
            clouds={info?.clouds ?? []}
            onFilter={part => setFilter({ ...filter, ...part })}
            onOwn={part => setOwn({ ...own, ...part })}
            onClear={clear}
            onClose={narrow ? () => setDrawer(false) : undefined}
          />
        ) : null}
        <div className="offers-main">
          <div className="offers-tools">
            {narrow ? (
              <button
                type="button"
                className="btn small"
                aria-expanded={drawer}
                aria-keyshortcuts="F"
                onClick={() => setDrawer(!drawer)}
              >
                <Icon of={ListFilter} size={14} />
                {t("offers.filters")}
              </button>
            ) : null}
            <SavedFilters
              filter={filter}
              own={own}
              onApply={saved => {
                setFilter(saved.filter ?? {});
                setOwn(saved.own ?? {});
              }}
            />
            <span className="flex-1" />
            <span className="caption" role="status">
              {search.data
                ? t(search.data.truncated ? "offers.seenMore" : "offers.seen", {
                    count: shown.length,
                    shown: f.count(shown.length),
                    found: f.count(search.data.found),
                  })
                : ""}
            </span>
            <button
              type="button"
              className="btn ghost small icon-only"
              aria-label={t("offers.refresh")}
              title={t("offers.refresh")}
              onClick={() => search.refetch()}
            >
              {search.isFetching ? <span className="spinner" /> : <Icon of={RefreshCw} size={14} />}
            </button>
          </div>
          {search.error || launch.error ? (
            <div className="px-4 pb-3">
              <ErrorBanner
                error={launch.error ?? search.error ?? new Error()}
                actions={{
                  retry: () => {
                    launch.reset();
                    search.refetch();
                  },
                  "clear-filters": clear,
                  "drop-cap": () => setFilter({ ...filter, max_price: null }),
                }}
              />
            </div>
          ) : null}
          <div className="offers-table" aria-busy={stale}>
            {shown.length ? (
              <OffersTable
                rows={shown}
                order={order}
                onOrder={setOrder}
                picked={picked}
                onPick={stablePick}
              />
            ) : search.data && !stale ? (
              <NothingFits
                filter={filter}
                prices={prices}
                onCap={max_price => setFilter({ ...filter, max_price })}
                onClear={countSet(filter, own) ? clear : null}
                onAsk={() => search.refetch()}
              />
            ) : search.error ? null : (
              <div className="px-4">
                <Loading rows={8}>{t("offers.asking")}</Loading>
              </div>
            )}
          </div>
          <OffersBar
            chosen={chosen}
            request={request}
            launching={launch.isPending || launch.isSuccess}
            onBest={best.length && !hasBest ? pickBest : null}
            onRace={canRace ? race : null}
          />
        </div>
      </div>
    </Page>
  );
}

/** Prices seen for a GPU, so that the histogram shows what the cap cuts away. */
function usePrices(rows: { offer: { id: string; price: Rate } }[] | undefined, gpu: string | null) {
  const seen = useRef<{ gpu: string | null; prices: Map<string, Rate> }>({
    gpu,
    prices: new Map(),
  });
  return useMemo(() => {
    if (seen.current.gpu !== gpu) seen.current = { gpu, prices: new Map() };
    for (const { offer } of rows ?? []) seen.current.prices.set(offer.id, offer.price);
    return [...seen.current.prices.values()].sort((a, b) => a - b);
  }, [rows, gpu]);
}

interface NothingFitsProps {
  filter: OfferFilter;
  prices: Rate[];
  onCap: (cap: Rate) => void;
  /** Absent where no filter is set. */
  onClear: (() => void) | null;
  onAsk: () => void;
}

/** One fact and one action: the cap is the likeliest cause. */
function NothingFits({ filter, prices, onCap, onClear, onAsk }: NothingFitsProps) {
  const { t } = useTranslation();
  const f = useFormats();
  const cheapest = prices.find(price => price > (filter.max_price ?? Number.POSITIVE_INFINITY));
  const gpu = filter.gpu ?? t("offers.machine");
  if (filter.max_price != null && cheapest !== undefined) {
    const raised = Math.ceil((cheapest * 1.1) / 10_000) * 10_000;
    const more = prices.filter(price => price <= raised).length;
    return (
      <Empty
        icon={SlidersHorizontal}
        title={t("offers.noneUnder", { gpu, price: f.perHour(filter.max_price) })}
        action={
          <button type="button" className="btn" onClick={() => onCap(raised)}>
            {t("offers.raise", { price: f.perHour(raised) })}
          </button>
        }
      >
        {t("offers.cheapest", {
          price: f.perHour(cheapest),
          count: more,
          raised: f.perHour(raised),
        })}
      </Empty>
    );
  }
  return (
    <Empty
      icon={SlidersHorizontal}
      title={onClear ? t("offers.none") : t("offers.noneNow")}
      action={
        <button type="button" className="btn" onClick={onClear ?? onAsk}>
          {onClear ? t("errors.actions.clear-filters") : t("errors.actions.retry")}
        </button>
      }
    >
      {onClear ? t("offers.noneBody") : t("offers.noneNowBody")}
    </Empty>
  );
}
