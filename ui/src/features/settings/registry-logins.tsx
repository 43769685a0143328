// Logins at container registries: recipes name one, the keychain has it.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Plus, Trash2 } from "lucide-react";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorBanner } from "../../app/error-banner";
import { useFormats } from "../../app/format";
import { queries } from "../../app/queries";
import { useHost } from "../../app/session";
import { DialogBox } from "../../design/dialog";
import { Icon } from "../../design/icon";
import { TextField } from "../../design/text-field";

export function RegistryLogins() {
  const { t } = useTranslation();
  const f = useFormats();
  const host = useHost();
  const client = useQueryClient();
  const secrets = useQuery(queries.secrets(host)).data ?? [];
  const [adding, setAdding] = useState(false);
  const logins = secrets.flatMap(view =>
    view.secret.kind === "registry-login" && view.set
      ? [{ name: view.secret.name, since: view.since }]
      : [],
  );
  const forget = useMutation({
    mutationFn: (name: string) => host.secretForget({ kind: "registry-login", name }),
    onSettled: () => client.invalidateQueries(),
  });
  return (
    <>
      <div className="setting">
        <span className="name">
          {t("settings.accounts.registries")}
          <span className="note">{t("settings.accounts.registriesNote")}</span>
        </span>
        <button type="button" className="btn" onClick={() => setAdding(true)}>
          <Icon of={Plus} />
          {t("settings.accounts.addLogin")}
        </button>
      </div>
      {logins.map(login => (
        <div key={login.name} className="setting">
          <span className="name">
            <span className="mono">{login.name}</span>
            {login.since ? (
              <span className="note">
                {t("settings.keptSince", { date: f.day(new Date(login.since)) })}
              </span>
            ) : null}
          </span>
          <button
            type="button"
            className="btn ghost icon-only"
            aria-label={t("settings.accounts.forgetLogin", { name: login.name })}
            title={t("settings.accounts.forgetLogin", { name: login.name })}
            disabled={forget.isPending}
            onClick={() => forget.mutate(login.name)}
          >
            <Icon of={Trash2} />
          </button>
        </div>
      ))}
      {forget.error ? (
        <div className="p-3">
          <ErrorBanner error={forget.error} actions={{ retry: forget.reset }} />
        </div>
      ) : null}
      {adding ? <LoginDialog onClose={() => setAdding(false)} /> : null}
    </>
  );
}

function LoginDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const host = useHost();
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [registry, setRegistry] = useState("");
  const [user, setUser] = useState("");
  const [token, setToken] = useState("");
  const field = useRef<HTMLInputElement>(null);
  const parts = [registry, user, token].map(part => part.trim());
  const fits = /^[\w.-]{1,64}$/.test(name.trim()) && parts.every(part => /^\S+$/.test(part));
  const save = useMutation({
    mutationFn: () =>
      host.secretSet(
        { kind: "registry-login", name: name.trim() },
        `-u ${parts[1]} -p ${parts[2]} ${parts[0]}`,
      ),
    onSuccess: onClose,
    onSettled: () => client.invalidateQueries(),
  });
  return (
    <DialogBox
      open
      onClose={onClose}
      title={t("settings.accounts.addLogin")}
      initialFocus={field}
      main={{ label: t("app.save"), run: save.mutate, off: !fits, busy: save.isPending }}
    >
      <div className="mt-3 flex flex-col gap-3">
        <TextField
          label={t("settings.accounts.loginName")}
          help={t("settings.accounts.loginNameHelp")}
          value={name}
          onChange={setName}
          inputRef={field}
          mono
        />
        <TextField
          label={t("settings.accounts.registry")}
          placeholder="ghcr.io"
          value={registry}
          onChange={setRegistry}
          mono
        />
        <TextField label={t("settings.accounts.user")} value={user} onChange={setUser} mono />
        <TextField
          label={t("settings.accounts.token")}
          type="password"
          value={token}
          onChange={setToken}
          mono
        />
        {save.error ? <ErrorBanner error={save.error} actions={{ retry: save.reset }} /> : null}
      </div>
    </DialogBox>
  );
}
