// A link asks to launch a recipe. It changes nothing by itself: the default is
// Cancel, and for a second no key is heard, so that nobody presses Enter into
// what has just come up.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useCallback, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Confirm } from "../design/controls";
import { HostError } from "../host";
import { ErrorBanner } from "./error-banner";
import { useFormats } from "./format";
import { queries, refreshRecords, useInfo, useRecipes } from "./queries";
import { useHost, useSession } from "./session";

const DEAF_MS = 1_000;

export function LinkDialog() {
  const { t } = useTranslation();
  const f = useFormats();
  const session = useSession();
  const host = useHost();
  const client = useQueryClient();
  const navigate = useNavigate();
  const keep = useRef<HTMLButtonElement>(null);
  const [name, setName] = useState<string | null>(null);
  const [deaf, setDeaf] = useState(false);
  const recipes = useRecipes().data;
  const practice = useInfo().data?.practice;

  const take = useCallback(() => {
    host.linkTake().then(
      asked => {
        if (asked === null) return;
        setName(asked);
        setDeaf(true);
      },
      () => {},
    );
  }, [host]);
  useEffect(() => {
    // The one that started the app came before anybody listened.
    take();
    return host.on("linkCame", take);
  }, [host, take]);

  useEffect(() => {
    if (!deaf) return;
    const swallow = (event: KeyboardEvent) => {
      event.preventDefault();
      event.stopImmediatePropagation();
    };
    window.addEventListener("keydown", swallow, true);
    window.addEventListener("keyup", swallow, true);
    const timer = setTimeout(() => setDeaf(false), DEAF_MS);
    return () => {
      clearTimeout(timer);
      window.removeEventListener("keydown", swallow, true);
      window.removeEventListener("keyup", swallow, true);
    };
  }, [deaf]);

  const recipe = recipes?.find(recipe => recipe.name === name);
  const request = recipe ? { recipe, only_offers: [] } : null;
  const estimate = useQuery({
    ...queries.estimate(host, request ?? {}),
    enabled: request !== null,
  });
  const launch = useMutation({
    mutationFn: () => host.runLaunch(request ?? {}),
    onSuccess: run => {
      setName(null);
      session.setCurrent(run);
      refreshRecords(client);
      navigate({ to: "/run/$run", params: { run } });
    },
  });
  const refused = estimate.data?.refused ? new HostError(estimate.data.refused) : null;
  const failure = launch.error ?? estimate.error ?? refused;
  return (
    <Confirm
      open={name !== null}
      onOpenChange={open => {
        if (!open) setName(null);
      }}
      keepRef={keep}
      title={recipe ? t("link.title", { recipe: recipe.title }) : t("link.unknown")}
      keep={t("link.cancel")}
      confirm={recipe ? t("link.launch") : null}
      primary
      disabled={deaf || launch.isPending || refused !== null}
      why={deaf ? t("link.wait") : refused ? t("launch.blocked") : undefined}
      onConfirm={() => launch.mutate()}
    >
      {recipe ? (
        <>
          <p>{t(practice ? "app.practiceSentence" : "link.body")}</p>
          {estimate.data && !practice ? (
            <p className="mt-2 text-ink">
              {t("link.atMost", { money: f.money(estimate.data.at_most) })}
            </p>
          ) : null}
        </>
      ) : (
        <p>{t("link.unknownBody", { name: name ?? "" })}</p>
      )}
      {failure ? (
        <div className="mt-3">
          <ErrorBanner error={failure} actions={{ retry: () => launch.reset() }} />
        </div>
      ) : null}
    </Confirm>
  );
}
