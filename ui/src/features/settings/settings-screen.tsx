// Settings: accounts and storage, what a race may cost and must prove, how the
// window looks and what it says by itself. Everything changes at once.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Trash2 } from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorBanner } from "../../app/error-banner";
import { useFormats } from "../../app/format";
import { KeyList } from "../../app/keys-sheet";
import { Page } from "../../app/page";
import { usePreferences } from "../../app/preferences";
import { queries, useInfo, useSpend } from "../../app/queries";
import { useHost } from "../../app/session";
import type { AtCap, Language, Notify, ProofPolicy, Settings, Theme } from "../../bindings";
import { Confirm } from "../../design/controls";
import { Icon } from "../../design/icon";
import { Loading } from "../../design/loading";
import { Banner } from "../../design/parts";
import { Segmented } from "../../design/segmented";
import { SwitchField } from "../../design/switch";
import { CloudKey } from "./cloud-key";
import { MoneyField } from "./money-field";
import { RegistryLogins } from "./registry-logins";
import { StorageForm } from "./storage-form";
import "./settings.css";

const SECTIONS = [
  "accounts",
  "storage",
  "race",
  "limits",
  "notifications",
  "look",
  "start",
  "keys",
  "about",
] as const;
type SectionName = (typeof SECTIONS)[number];

export function SettingsScreen() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const asked = useSearch({ strict: false }).at;
  const body = useRef<HTMLDivElement>(null);
  const at = SECTIONS.find(name => name === asked) ?? "accounts";
  const info = useInfo().data;
  useEffect(() => {
    body.current?.querySelector(`#settings-${at}`)?.scrollIntoView({ block: "start" });
  }, [at]);
  return (
    <Page full title={t("settings.title")}>
      <div className="settings">
        <nav className="settings-nav" aria-label={t("settings.title")}>
          {SECTIONS.map(name => (
            <a
              key={name}
              href={`#settings-${name}`}
              aria-current={name === at ? "true" : undefined}
              onClick={event => {
                event.preventDefault();
                navigate({ to: "/settings", search: { at: name } });
                body.current?.querySelector(`#settings-${name}`)?.scrollIntoView();
              }}
            >
              {t(`settings.sections.${name}`)}
            </a>
          ))}
        </nav>
        <div ref={body} className="settings-body">
          {info?.practice_asked ? (
            <Banner tone="accent" title={t("settings.practiceAsked")}>
              {t("settings.practiceAskedBody")}
            </Banner>
          ) : null}
          <Accounts />
          <Storage />
          <Rules />
          <Notifications />
          <Look />
          <Start />
          <Keys />
          <About />
        </div>
      </div>
    </Page>
  );
}

function Section({
  name,
  note,
  children,
}: {
  name: SectionName;
  note?: ReactNode;
  children: ReactNode;
}) {
  const { t } = useTranslation();
  return (
    <section id={`settings-${name}`} aria-labelledby={`settings-${name}-title`}>
      <h2 id={`settings-${name}-title`}>
        {t(`settings.sections.${name}`)} {note ? <span className="caption">{note}</span> : null}
      </h2>
      <div className="card">{children}</div>
    </section>
  );
}

function Setting({
  name,
  note,
  children,
}: {
  name: ReactNode;
  note?: ReactNode;
  children: ReactNode;
}) {
  return (
    <div className="setting">
      <span className="name">
        {name}
        {note ? <span className="note">{note}</span> : null}
      </span>
      {children}
    </div>
  );
}

function Accounts() {
  const { t } = useTranslation();
  const host = useHost();
  const info = useInfo().data;
  const secrets = useQuery(queries.secrets(host));
  const place = info?.os === "macos" || info?.os === "windows" ? info.os : "linux";
  return (
    <Section
      name="accounts"
      note={t("settings.accounts.note", { keychain: t(`settings.keychains.${place}`) })}
    >
      {secrets.error ? (
        <div className="p-3">
          <ErrorBanner error={secrets.error} actions={{ retry: () => secrets.refetch() }} />
        </div>
      ) : null}
      {(info?.clouds ?? []).map(cloud => (
        <CloudKey key={cloud} cloud={cloud} />
      ))}
      <RegistryLogins />
    </Section>
  );
}

function Storage() {
  const { t } = useTranslation();
  const host = useHost();
  const client = useQueryClient();
  const keep = useRef<HTMLButtonElement>(null);
  const [asking, setAsking] = useState(false);
  const settings = useQuery(queries.settings(host)).data;
  const forget = useMutation({
    mutationFn: () => host.storageForget(),
    onSettled: () => client.invalidateQueries(),
  });
  return (
    <Section name="storage" note={t("settings.storage.note")}>
      <div className="p-4">
        <StorageForm />
        {forget.error ? (
          <div className="mt-3">
            <ErrorBanner error={forget.error} actions={{ retry: forget.reset }} />
          </div>
        ) : null}
      </div>
      {settings?.storage ? (
        <Setting name={t("settings.storage.forget")} note={t("settings.storage.forgetNote")}>
          <button
            type="button"
            className="btn danger"
            disabled={forget.isPending}
            onClick={() => setAsking(true)}
          >
            <Icon of={Trash2} />
            {t("settings.remove")}
          </button>
        </Setting>
      ) : null}
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        keepRef={keep}
        title={t("settings.storage.forgetTitle")}
        keep={t("app.cancel")}
        confirm={t("settings.remove")}
        onConfirm={() => {
          setAsking(false);
          forget.mutate();
        }}
      >
        <p>{t("settings.storage.forgetBody")}</p>
      </Confirm>
    </Section>
  );
}

/** What the engine goes by: proof, ranking, caps. */
function Rules() {
  const { t } = useTranslation();
  const f = useFormats();
  const spend = useSpend().data;
  const host = useHost();
  const client = useQueryClient();
  const settings = useQuery(queries.settings(host));
  const key = queries.settings(host).queryKey;
  const set = useMutation({
    mutationFn: (next: Settings) => host.settingsSet(next),
    onMutate: next => client.setQueryData(key, next),
    onSettled: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: key }),
        client.invalidateQueries({ queryKey: ["spend"] }),
        client.invalidateQueries({ queryKey: ["estimate"] }),
      ]),
  });
  const now = settings.data;
  if (settings.error) {
    return <ErrorBanner error={settings.error} actions={{ retry: () => settings.refetch() }} />;
  }
  if (!now) return <Loading>{t("settings.reading")}</Loading>;
  const change = (part: Partial<Settings>) => set.mutate({ ...now, ...part });
  const caps = { run: null, day: null, month: null, ...now.caps };
  const spent = (over: "day" | "month") =>
    spend
      ? t(`settings.limits.${over}Spent`, {
          money: f.money(over === "day" ? spend.today : spend.month),
        })
      : "";
  const proofs: ProofPolicy[] = ["require", "first-use"];
  const ends: AtCap[] = ["keep", "save-and-destroy"];
  return (
    <>
      {set.error ? <ErrorBanner error={set.error} actions={{ retry: set.reset }} /> : null}
      <Section name="race">
        <Setting name={t("settings.race.proof")} note={t("settings.race.proofNote")}>
          <Segmented
            label={t("settings.race.proof")}
            value={now.proof ?? "require"}
            choices={proofs.map(value => ({ value, label: t(`settings.race.proofs.${value}`) }))}
            onChange={proof => change({ proof })}
          />
        </Setting>
        <Setting name={t("settings.race.worth")} note={t("settings.race.worthNote")}>
          <MoneyField
            label={t("settings.race.worth")}
            value={now.worth ?? 10_000}
            none={t("settings.race.worthNone")}
            digits={3}
            onChange={worth => change({ worth: worth ?? 0 })}
          />
        </Setting>
      </Section>
      <Section name="limits">
        <Setting name={t("settings.limits.run")} note={t("settings.limits.runNote")}>
          <MoneyField
            label={t("settings.limits.run")}
            value={caps.run}
            none={t("launch.noCapShort")}
            onChange={run => change({ caps: { ...caps, run } })}
          />
        </Setting>
        <Setting name={t("settings.limits.day")} note={spent("day")}>
          <MoneyField
            label={t("settings.limits.day")}
            value={caps.day}
            none={t("launch.noCapShort")}
            onChange={day => change({ caps: { ...caps, day } })}
          />
        </Setting>
        <Setting name={t("settings.limits.month")} note={spent("month")}>
          <MoneyField
            label={t("settings.limits.month")}
            value={caps.month}
            none={t("launch.noCapShort")}
            onChange={month => change({ caps: { ...caps, month } })}
          />
        </Setting>
        <Setting name={t("settings.limits.atCap")} note={t("settings.limits.atCapNote")}>
          <Segmented
            label={t("settings.limits.atCap")}
            value={now.at_cap ?? "keep"}
            choices={ends.map(value => ({ value, label: t(`settings.limits.ends.${value}`) }))}
            onChange={at_cap => change({ at_cap })}
          />
        </Setting>
      </Section>
    </>
  );
}

const NOTICES: (keyof Notify)[] = ["shell", "critical", "complete", "failure", "leftovers", "caps"];

function Notifications() {
  const { t } = useTranslation();
  const { preferences, change } = usePreferences();
  return (
    <Section name="notifications" note={t("settings.notifications.note")}>
      {NOTICES.map(name => (
        <Setting
          key={name}
          name={t(`settings.notifications.${name}`)}
          note={t(`settings.notifications.notes.${name}`)}
        >
          <SwitchField
            label={t(`settings.notifications.${name}`)}
            checked={preferences.notify[name] ?? false}
            onChange={on => change({ notify: { ...preferences.notify, [name]: on } })}
          />
        </Setting>
      ))}
    </Section>
  );
}

const LANGUAGES: Language[] = ["system", "en", "pt-BR"];
const THEMES: Theme[] = ["system", "dark", "light", "high-contrast"];

function Look() {
  const { t } = useTranslation();
  const { preferences, error, change } = usePreferences();
  return (
    <Section name="look">
      {error ? (
        <div className="p-3">
          <ErrorBanner error={error} />
        </div>
      ) : null}
      <Setting name={t("settings.look.language")} note={t("settings.look.languageNote")}>
        <Segmented
          label={t("settings.look.language")}
          value={preferences.language}
          choices={LANGUAGES.map(value => ({
            value,
            label: t(`settings.look.languages.${value}`),
          }))}
          onChange={language => change({ language })}
        />
      </Setting>
      <Setting name={t("settings.look.theme")}>
        <Segmented
          label={t("settings.look.theme")}
          value={preferences.theme}
          choices={THEMES.map(value => ({ value, label: t(`settings.look.themes.${value}`) }))}
          onChange={theme => change({ theme })}
        />
      </Setting>
    </Section>
  );
}

function Start() {
  const { t } = useTranslation();
  const { preferences, change } = usePreferences();
  return (
    <Section name="start">
      <Setting name={t("settings.start.login")} note={t("settings.start.loginNote")}>
        <SwitchField
          label={t("settings.start.login")}
          checked={preferences.start_at_login}
          onChange={start_at_login => change({ start_at_login })}
        />
      </Setting>
    </Section>
  );
}

function Keys() {
  const { t } = useTranslation();
  const { preferences, change } = usePreferences();
  return (
    <Section name="keys">
      <Setting name={t("settings.keys.letters")} note={t("settings.keys.lettersNote")}>
        <SwitchField
          label={t("settings.keys.letters")}
          checked={preferences.letter_keys}
          onChange={letter_keys => change({ letter_keys })}
        />
      </Setting>
      <div className="px-4 pb-4">
        <KeyList />
      </div>
    </Section>
  );
}

function About() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { change } = usePreferences();
  const info = useInfo().data;
  return (
    <Section name="about">
      <Setting name="Dumont Cloud" note={info ? t("settings.about.version", info) : ""}>
        <button
          type="button"
          className="btn"
          onClick={() => {
            change({ guided: false });
            navigate({ to: "/welcome" });
          }}
        >
          {t("settings.about.guide")}
        </button>
      </Setting>
      <p className="px-4 pb-3 text-12 text-ink-3">{t("settings.about.fonts")}</p>
    </Section>
  );
}
