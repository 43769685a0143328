// Where workspaces are kept: address, keys, password. Tried before it is kept;
// where nothing is yet, an empty repository is created.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { ExternalLink, FolderOpen, Lock } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorBanner } from "../../app/error-banner";
import { queries } from "../../app/queries";
import { useHost } from "../../app/session";
import type { StorageForm as Form, Secret } from "../../bindings";
import { Icon } from "../../design/icon";
import { Segmented } from "../../design/segmented";
import { TextField } from "../../design/text-field";
import { type Address, addressOf, EMPTY, isWhole, locationOf } from "./address";
import { Report } from "./report";

interface StorageFormProps {
  onKept?: () => void;
}

export function StorageForm({ onKept }: StorageFormProps) {
  const { t } = useTranslation();
  const host = useHost();
  const client = useQueryClient();
  const settings = useQuery(queries.settings(host)).data;
  const secrets = useQuery(queries.secrets(host)).data;
  const location = settings?.storage?.location ?? "";
  const [address, setAddress] = useState<Address>(EMPTY);
  const [region, setRegion] = useState("");
  const [keyId, setKeyId] = useState("");
  const [keySecret, setKeySecret] = useState("");
  const [password, setPassword] = useState("");
  const keptRegion = settings?.storage?.region ?? "";
  useEffect(() => {
    setAddress(addressOf(location));
    setRegion(keptRegion);
  }, [location, keptRegion]);

  const isKept = (kind: Secret["kind"]) =>
    secrets?.some(view => view.secret.kind === kind && view.set) ?? false;
  const last4 = (kind: Secret["kind"]) =>
    secrets?.find(view => view.secret.kind === kind)?.last4 ?? "";
  const placeholder = (kind: Secret["kind"]) =>
    isKept(kind) ? `••••••••${last4(kind)}` : undefined;
  const local = address.kind === "local";
  const form: Form = {
    storage: { location: locationOf(address), region: region.trim() || null },
    password: password || null,
    key_id: local ? null : keyId.trim() || null,
    key_secret: local ? null : keySecret.trim() || null,
    token: null,
  };
  const has = (typed: string, kind: Secret["kind"]) => typed.trim() !== "" || isKept(kind);
  const whole =
    isWhole(address) &&
    has(password, "repository-password") &&
    (local || (has(keyId, "storage-key-id") && has(keySecret, "storage-key-secret")));

  const test = useMutation({ mutationFn: () => host.storageTest(form) });
  const done = {
    onSuccess: () => {
      setKeyId("");
      setKeySecret("");
      setPassword("");
      onKept?.();
    },
    onSettled: () => client.invalidateQueries(),
  };
  const save = useMutation({ mutationFn: () => host.storageSet(form), ...done });
  const create = useMutation({ mutationFn: () => host.repositoryCreate(form), ...done });
  const choose = useMutation({
    mutationFn: () => host.folderChoose(),
    onSuccess: folder => {
      if (folder !== null) change({ folder });
    },
  });
  const again = () => {
    test.reset();
    save.reset();
    create.reset();
  };
  const change = (part: Partial<Address>) => {
    setAddress({ ...address, ...part });
    again();
  };
  const typing = (set: (text: string) => void) => (text: string) => {
    set(text);
    again();
  };
  const busy = test.isPending || save.isPending || create.isPending;
  const error = save.error ?? create.error ?? test.error ?? choose.error;
  const empty = test.data?.empty === true;
  return (
    <div className="storage-form">
      <Segmented
        label={t("settings.storage.kind")}
        value={address.kind}
        choices={[
          { value: "r2", label: "Cloudflare R2" },
          { value: "s3", label: t("settings.storage.s3") },
          { value: "local", label: t("settings.storage.local") },
        ]}
        onChange={kind => change({ kind })}
      />
      <div className="storage-fields">
        {address.kind === "r2" ? (
          <TextField
            label={t("settings.storage.account")}
            value={address.account}
            onChange={account => change({ account })}
            mono
          />
        ) : null}
        {address.kind === "s3" ? (
          <TextField
            label={t("settings.storage.server")}
            placeholder="https://s3.example.net"
            value={address.server}
            onChange={server => change({ server })}
            mono
          />
        ) : null}
        {local ? (
          <div className="col-span-full flex items-end gap-2">
            <TextField
              label={t("settings.storage.folder")}
              value={address.folder}
              onChange={folder => change({ folder })}
              mono
              className="flex-1"
            />
            <button
              type="button"
              className="btn"
              disabled={choose.isPending}
              onClick={() => choose.mutate()}
            >
              <Icon of={FolderOpen} />
              {t("snapshots.choose")}
            </button>
          </div>
        ) : (
          <>
            <TextField
              label={t("settings.storage.bucket")}
              value={address.bucket}
              onChange={bucket => change({ bucket })}
              mono
            />
            <TextField
              label={t("settings.storage.prefix")}
              value={address.prefix}
              onChange={prefix => change({ prefix })}
              mono
            />
            {address.kind === "s3" ? (
              <TextField
                label={t("settings.storage.region")}
                placeholder="us-east-1"
                value={region}
                onChange={typing(setRegion)}
                mono
              />
            ) : null}
            <TextField
              label={t("settings.storage.keyId")}
              placeholder={placeholder("storage-key-id")}
              value={keyId}
              onChange={typing(setKeyId)}
              mono
            />
            <TextField
              label={t("settings.storage.keySecret")}
              type="password"
              placeholder={placeholder("storage-key-secret")}
              value={keySecret}
              onChange={typing(setKeySecret)}
              before={<Icon of={Lock} size={14} className="text-ink-3" />}
              mono
            />
          </>
        )}
        <TextField
          label={t("settings.storage.password")}
          type="password"
          placeholder={placeholder("repository-password")}
          value={password}
          onChange={typing(setPassword)}
          help={t("settings.storage.passwordHelp")}
          before={<Icon of={Lock} size={14} className="text-ink-3" />}
          mono
        />
      </div>
      {error ? <ErrorBanner error={error} actions={{ retry: again }} /> : null}
      {test.data && !empty ? <Report report={test.data} /> : null}
      {empty ? (
        <p className="text-ink-2" role="status">
          {t("settings.storage.empty")}
        </p>
      ) : null}
      <div className="flex flex-wrap items-center gap-2">
        <button
          type="button"
          className={test.data ? "btn" : "btn primary"}
          disabled={!whole || busy}
          title={whole ? undefined : t("app.missing")}
          onClick={() => test.mutate()}
        >
          {test.isPending ? <span className="spinner" /> : null}
          {t("settings.test")}
        </button>
        {empty ? (
          <button
            type="button"
            className="btn primary"
            disabled={busy}
            onClick={() => create.mutate()}
          >
            {create.isPending ? <span className="spinner" /> : null}
            {t("settings.storage.create")}
          </button>
        ) : test.data ? (
          <button
            type="button"
            className="btn primary"
            disabled={busy}
            onClick={() => save.mutate()}
          >
            {save.isPending ? <span className="spinner" /> : null}
            {t("app.save")}
          </button>
        ) : null}
        <span className="flex-1" />
        {address.kind === "r2" ? (
          <button type="button" className="link text-12" onClick={() => host.helpOpen("r2-keys")}>
            {t("settings.accounts.where")} <Icon of={ExternalLink} size={12} className="inline" />
          </button>
        ) : null}
      </div>
    </div>
  );
}
