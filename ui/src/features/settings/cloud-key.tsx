// A cloud's key: typed, tried, kept in the keychain, never shown again.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { ExternalLink, KeyRound, Trash2 } from "lucide-react";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorBanner } from "../../app/error-banner";
import { useFormats } from "../../app/format";
import { queries } from "../../app/queries";
import { useHost } from "../../app/session";
import type { CloudId, HelpPage, SecretView } from "../../bindings";
import { Confirm } from "../../design/controls";
import { Icon } from "../../design/icon";
import { CLOUD_NAMES, CloudBadge } from "../../design/parts";
import { Report } from "./report";

const PAGES: Record<CloudId, HelpPage> = { vast: "vast-keys", runpod: "runpod-keys" };

interface CloudKeyProps {
  cloud: CloudId;
  /** After the key was kept. */
  onKept?: () => void;
}

export function useSecret(matches: (view: SecretView) => boolean): SecretView | undefined {
  const host = useHost();
  return useQuery(queries.secrets(host)).data?.find(matches);
}

export function CloudKey({ cloud, onKept }: CloudKeyProps) {
  const { t } = useTranslation();
  const f = useFormats();
  const host = useHost();
  const client = useQueryClient();
  const kept = useSecret(view => view.secret.kind === "cloud-key" && view.secret.cloud === cloud);
  const [typed, setTyped] = useState("");
  const [asking, setAsking] = useState(false);
  const keep = useRef<HTMLButtonElement>(null);
  const name = CLOUD_NAMES[cloud];
  const secret = { kind: "cloud-key", cloud } as const;
  const key = typed.trim();
  const test = useMutation({ mutationFn: () => host.cloudTest(cloud, key || null) });
  const change = {
    // Everything the window knows may be another world's now.
    onSettled: () => client.invalidateQueries(),
  };
  const save = useMutation({
    mutationFn: () => host.secretSet(secret, key),
    onSuccess: () => {
      setTyped("");
      onKept?.();
    },
    ...change,
  });
  const forget = useMutation({ mutationFn: () => host.secretForget(secret), ...change });
  const busy = test.isPending || save.isPending || forget.isPending;
  const error = save.error ?? forget.error ?? test.error;
  const again = () => {
    save.reset();
    forget.reset();
    test.reset();
  };
  return (
    <div className="account">
      <div className="account-row">
        <span className="account-name">
          <CloudBadge cloud={cloud} />
          {name}
        </span>
        <span
          className="field"
          data-bad={error ? "" : undefined}
          data-good={test.data || (kept?.set && !key) ? "" : undefined}
        >
          <Icon of={KeyRound} size={14} className="text-ink-3" />
          <input
            type="password"
            className="mono"
            autoComplete="off"
            spellCheck={false}
            aria-label={t("settings.accounts.keyOf", { cloud: name })}
            placeholder={
              kept?.set
                ? `••••••••••••${kept.last4 ?? ""}`
                : t("settings.accounts.paste", { cloud: name })
            }
            value={typed}
            onChange={event => {
              setTyped(event.target.value);
              again();
            }}
            onKeyDown={event => {
              if (event.key === "Enter" && key && !busy) save.mutate();
            }}
          />
        </span>
        <span className="flex flex-wrap gap-2">
          <button
            type="button"
            className="btn"
            disabled={busy || !(key || kept?.set)}
            title={key || kept?.set ? undefined : t("settings.testWhat")}
            onClick={() => test.mutate()}
          >
            {test.isPending ? <span className="spinner" /> : null}
            {t("settings.test")}
          </button>
          {key ? (
            <button
              type="button"
              className="btn primary"
              disabled={busy}
              onClick={() => save.mutate()}
            >
              {save.isPending ? <span className="spinner" /> : null}
              {kept?.set ? t("settings.replace") : t("app.save")}
            </button>
          ) : kept?.set ? (
            <button
              type="button"
              className="btn ghost icon-only"
              aria-label={t("settings.accounts.remove", { cloud: name })}
              title={t("settings.accounts.remove", { cloud: name })}
              disabled={busy}
              onClick={() => setAsking(true)}
            >
              <Icon of={Trash2} />
            </button>
          ) : null}
        </span>
      </div>
      <div className="account-note">
        {error ? (
          <ErrorBanner error={error} actions={{ retry: again }} />
        ) : test.data ? (
          <Report report={test.data} />
        ) : kept?.set ? (
          <span className="caption">
            {kept.since
              ? t("settings.keptSince", { date: f.day(new Date(kept.since)) })
              : t("settings.kept")}
          </span>
        ) : (
          <button
            type="button"
            className="link text-12"
            onClick={() => host.helpOpen(PAGES[cloud])}
          >
            {t("settings.accounts.where")} <Icon of={ExternalLink} size={12} className="inline" />
          </button>
        )}
      </div>
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        keepRef={keep}
        title={t("settings.accounts.removeTitle", { cloud: name })}
        keep={t("app.cancel")}
        confirm={t("settings.remove")}
        onConfirm={() => {
          setAsking(false);
          forget.mutate();
        }}
      >
        <p>{t("settings.accounts.removeBody")}</p>
      </Confirm>
    </div>
  );
}
