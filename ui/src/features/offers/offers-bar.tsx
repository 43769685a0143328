// What was picked, what racing it would mean, and the race itself.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Ban, Ellipsis, Send, Star, Zap } from "lucide-react";
import { useTranslation } from "react-i18next";
import { ErrorBanner } from "../../app/error-banner";
import { ERRORS } from "../../app/errors";
import { useFormats } from "../../app/format";
import { queries } from "../../app/queries";
import { RULES } from "../../app/rules";
import { useHost } from "../../app/session";
import type { HostStanding, LaunchRequest, OfferRow } from "../../bindings";
import { Icon } from "../../design/icon";
import { MenuButton } from "../../design/menu";
import { Kbd } from "../../design/parts";
import { useSettled } from "../launch/use-settled";

interface OffersBarProps {
  chosen: OfferRow[];
  request: LaunchRequest;
  launching: boolean;
  onBest: (() => void) | null;
  onRace: (() => void) | null;
}

export function OffersBar({ chosen, request, launching, onBest, onRace }: OffersBarProps) {
  const { t } = useTranslation();
  const f = useFormats();
  const host = useHost();
  const settled = useSettled(JSON.stringify(request), 300);
  const current = settled === JSON.stringify(request);
  const estimate = useQuery({
    ...queries.estimate(host, JSON.parse(settled) as LaunchRequest),
    enabled: chosen.length > 0 && current,
  });
  const known = chosen.length && current ? estimate.data : undefined;
  const refused = known?.refused ? t(ERRORS[known.refused.code].title) : null;
  const waves = Math.ceil(chosen.length / RULES.wave_lanes);
  return (
    <div className="offers-bar">
      <div className="figure-of" role="status">
        <b>{t("offers.picked", { count: chosen.length })}</b>
        <span>{chosen.length ? t("offers.waves", { count: waves }) : t("offers.pickUpTo")}</span>
      </div>
      {known?.shell ? (
        <div className="figure-of optional">
          <b>{f.roughly(known.shell.median_ms)}</b>
          <span>{t("offers.shellPredicted")}</span>
        </div>
      ) : null}
      {known ? (
        <div className="figure-of">
          <b>{f.money(known.at_most)}</b>
          <span>{t("offers.atMost")}</span>
        </div>
      ) : null}
      {chosen.length && (refused || estimate.error) ? (
        <span className="caption text-warn min-w-0">{refused ?? t("offers.noEstimate")}</span>
      ) : null}
      <span className="flex-1" />
      {chosen.length ? <HostMenu chosen={chosen} /> : null}
      <button
        type="button"
        className="btn ghost"
        aria-keyshortcuts="B"
        disabled={!onBest}
        title={onBest ? undefined : chosen.length ? t("offers.bestPicked") : t("offers.none")}
        onClick={() => onBest?.()}
      >
        <Icon of={Zap} />
        {t("offers.best", { count: RULES.lanes })}
        <Kbd>B</Kbd>
      </button>
      <button
        type="button"
        className="btn primary large"
        aria-keyshortcuts="Enter"
        disabled={!onRace || refused !== null}
        title={refused ?? (chosen.length ? undefined : t("offers.pickUpTo"))}
        onClick={() => onRace?.()}
      >
        {launching ? <span className="spinner" /> : <Icon of={Send} />}
        {chosen.length === 1 ? t("offers.rentThis") : t("offers.race", { count: chosen.length })}
        <Kbd>Enter</Kbd>
      </button>
    </div>
  );
}

/** What the user thinks of the picked hosts. */
function HostMenu({ chosen }: { chosen: OfferRow[] }) {
  const { t } = useTranslation();
  const host = useHost();
  const client = useQueryClient();
  const hosts = chosen.flatMap(({ offer }) =>
    offer.host === null ? [] : [{ cloud: offer.cloud, id: offer.host }],
  );
  const stand = useMutation({
    mutationFn: (standing: HostStanding) =>
      Promise.all(hosts.map(one => host.hostSetStanding(one.cloud, one.id, standing))),
    onSettled: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: ["offers"] }),
        client.invalidateQueries({ queryKey: ["hosts"] }),
      ]),
  });
  if (stand.error) return <ErrorBanner error={stand.error} actions={{ retry: stand.reset }} />;
  return (
    <MenuButton
      className="btn ghost icon-only"
      label={t("offers.theseHosts")}
      choices={[
        {
          key: "prefer",
          label: (
            <>
              <Icon of={Star} />
              {t("offers.prefer", { count: hosts.length })}
            </>
          ),
          disabled: hosts.length === 0,
          onChoose: () => stand.mutate("preferred"),
        },
        {
          key: "block",
          label: (
            <>
              <Icon of={Ban} />
              {t("offers.block", { count: hosts.length })}
            </>
          ),
          disabled: hosts.length === 0,
          onChoose: () => stand.mutate("blocked"),
        },
        {
          key: "none",
          label: t("offers.unstand", { count: hosts.length }),
          disabled: hosts.length === 0,
          onChoose: () => stand.mutate("none"),
        },
      ]}
    >
      <Icon of={Ellipsis} />
    </MenuButton>
  );
}
