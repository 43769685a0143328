// The fields of a recipe, in groups.

import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useId } from "react";
import { useTranslation } from "react-i18next";
import { queries, useSnapshots } from "../../app/queries";
import { useHost } from "../../app/session";
import type { OfferFilter, Tool } from "../../bindings";
import { SelectField } from "../../design/controls";
import { Segmented } from "../../design/segmented";
import { TextField } from "../../design/text-field";
import { GPU_COUNTS, GPUS } from "../launch/draft";
import { POLICIES } from "../launch/policy-table";
import { Bounds } from "./bounds";
import { type Problems, type RecipeForm, slugOf } from "./form";

const TOOLS: Tool[] = ["agent", "restic"];

interface PartProps {
  form: RecipeForm;
  onChange: (part: Partial<RecipeForm>) => void;
}

export function RecipeFields({ form, problems, onChange }: PartProps & { problems: Problems }) {
  const { t } = useTranslation();
  const change = onChange;
  const filter = (part: Partial<OfferFilter>) => change({ filter: { ...form.filter, ...part } });
  const problem = (field: keyof RecipeForm) => {
    const found = problems[field];
    return found ? t(`recipes.problems.${found}`) : undefined;
  };
  return (
    <>
      <Group title={t("recipes.groups.what")}>
        <TextField
          label={t("recipes.fields.title")}
          value={form.title}
          problem={problem("title")}
          onChange={title => change(form.named ? { title } : { title, name: slugOf(title) })}
        />
        <TextField
          label={t("recipes.fields.name")}
          help={t("recipes.help.name", { name: form.name || "…" })}
          value={form.name}
          problem={problem("name")}
          onChange={name => change({ name, named: true })}
          mono
        />
        <SnapshotChoice form={form} problem={problem("snapshot")} onChange={change} />
        <TextField
          label={t("recipes.fields.target")}
          help={t("recipes.help.target")}
          value={form.target}
          problem={problem("target")}
          onChange={target => change({ target })}
          mono
        />
        <TextField
          label={t("recipes.fields.paths")}
          help={t("recipes.help.paths")}
          value={form.paths}
          onChange={paths => change({ paths })}
          rows={2}
          mono
        />
        <TextField
          label={t("recipes.fields.critical")}
          help={t("recipes.help.critical")}
          value={form.critical}
          onChange={critical => change({ critical })}
          rows={2}
          mono
        />
      </Group>
      <Group title={t("recipes.groups.machine")}>
        <div className="text-field">
          <span className="text-12 text-ink-2" aria-hidden="true">
            {t("launch.gpu")}
          </span>
          <div className="flex gap-2">
            <SelectField
              label={t("launch.gpu")}
              value={form.filter.gpu ?? null}
              choices={[
                { value: null, label: t("launch.anyGpu") },
                ...[...new Set([...GPUS, ...(form.filter.gpu ? [form.filter.gpu] : [])])].map(
                  name => ({ value: name as string | null, label: name }),
                ),
              ]}
              onChange={gpu => filter({ gpu })}
              className="flex-1"
            >
              {form.filter.gpu ?? t("launch.anyGpu")}
            </SelectField>
            <SelectField
              label={t("launch.gpuCount")}
              value={form.filter.num_gpus ?? 1}
              choices={[...new Set([...GPU_COUNTS, form.filter.num_gpus ?? 1])].map(count => ({
                value: count,
                label: `× ${count}`,
              }))}
              onChange={num_gpus => filter({ num_gpus })}
            >
              {`× ${form.filter.num_gpus ?? 1}`}
            </SelectField>
          </div>
        </div>
        <TextField
          label={t("recipes.fields.disk")}
          help={t("recipes.help.disk")}
          value={form.disk}
          problem={problem("disk")}
          onChange={disk => change({ disk })}
          inputMode="numeric"
          after={<span className="text-ink-3">GB</span>}
        />
        <TextField
          label={t("recipes.fields.image")}
          help={t("recipes.help.image")}
          value={form.image}
          problem={problem("image")}
          onChange={image => change({ image })}
          mono
        />
        <LoginChoice form={form} onChange={change} />
        <TextField
          label={t("recipes.fields.template")}
          value={form.template}
          onChange={template => change({ template })}
          mono
        />
        <TextField
          label={t("recipes.fields.ports")}
          help={t("recipes.help.ports")}
          value={form.ports}
          problem={problem("ports")}
          onChange={ports => change({ ports })}
          mono
        />
        <TextField
          label={t("recipes.fields.env")}
          help={t("recipes.help.env")}
          value={form.env}
          problem={problem("env")}
          onChange={env => change({ env })}
          rows={3}
          mono
        />
        <TextField
          label={t("recipes.fields.onstart")}
          help={t("recipes.help.onstart")}
          value={form.onstart}
          onChange={onstart => change({ onstart })}
          rows={3}
          mono
        />
      </Group>
      <Group title={t("recipes.groups.offers")}>
        <Bounds filter={form.filter} onFilter={filter} />
      </Group>
      <Group title={t("recipes.groups.race")}>
        <div className="text-field col-span-full">
          <span className="text-12 text-ink-2" aria-hidden="true">
            {t("launch.policy.title")}
          </span>
          <div>
            <Segmented
              label={t("launch.policy.title")}
              value={form.policy}
              choices={POLICIES.map(policy => ({
                value: policy,
                label: t(`app.policy.${policy}`),
              }))}
              onChange={policy => change({ policy })}
            />
          </div>
        </div>
        <div className="text-field">
          <span className="text-12 text-ink-2" aria-hidden="true">
            {t("recipes.fields.tool")}
          </span>
          <div>
            <Segmented
              label={t("recipes.fields.tool")}
              value={form.tool}
              choices={TOOLS.map(value => ({ value, label: t(`recipes.tools.${value}`) }))}
              onChange={tool => change({ tool })}
            />
          </div>
          <span className="text-12 text-ink-3">{t("recipes.help.tool")}</span>
        </div>
        <TextField
          label={t("recipes.fields.hours")}
          help={t("recipes.help.hours")}
          value={form.hoursAlone}
          problem={problem("hoursAlone")}
          onChange={hoursAlone => change({ hoursAlone })}
          inputMode="numeric"
          after={<span className="text-ink-3">h</span>}
        />
        <TextField
          label={t("recipes.fields.onReady")}
          help={t("recipes.help.onReady")}
          value={form.onReady}
          onChange={onReady => change({ onReady })}
          rows={3}
          mono
        />
      </Group>
    </>
  );
}

function Group({ title, children }: { title: string; children: ReactNode }) {
  const id = useId();
  return (
    <section className="card" aria-labelledby={id}>
      <h2 id={id} className="card-head">
        {title}
      </h2>
      <div className="recipe-fields">{children}</div>
    </section>
  );
}

function SnapshotChoice({ form, problem, onChange }: PartProps & { problem: string | undefined }) {
  const { t } = useTranslation();
  const groups = useSnapshots().data ?? [];
  const fixed = form.snapshot !== "latest" && form.snapshot !== "none";
  const newest = groups[0]?.newest.id ?? "";
  const kind = fixed ? "fixed" : form.snapshot;
  return (
    <div className="text-field">
      <span className="text-12 text-ink-2" aria-hidden="true">
        {t("launch.snapshot.label")}
      </span>
      <SelectField
        label={t("launch.snapshot.label")}
        value={kind}
        choices={[
          { value: "latest", label: t("launch.snapshot.latestLong") },
          { value: "none", label: t("launch.snapshot.noneLong") },
          { value: "fixed", label: t("launch.snapshot.fixed") },
        ]}
        onChange={kind => onChange({ snapshot: kind === "fixed" ? newest.slice(0, 8) : kind })}
        className="w-full"
      >
        <span className="truncate">
          {kind === "latest"
            ? t("launch.snapshot.latestLong")
            : kind === "none"
              ? t("launch.snapshot.noneLong")
              : t("launch.snapshot.fixed")}
        </span>
      </SelectField>
      {fixed ? (
        <TextField
          label={t("recipes.fields.snapshotId")}
          help={t("recipes.help.snapshotId")}
          value={form.snapshot}
          problem={problem}
          onChange={snapshot => onChange({ snapshot })}
          mono
        />
      ) : null}
    </div>
  );
}

function LoginChoice({ form, onChange }: PartProps) {
  const { t } = useTranslation();
  const host = useHost();
  const secrets = useQuery(queries.secrets(host)).data ?? [];
  const names = secrets.flatMap(view =>
    view.secret.kind === "registry-login" && view.set ? [view.secret.name] : [],
  );
  const all = [...new Set([...names, ...(form.registryLogin ? [form.registryLogin] : [])])];
  return (
    <div className="text-field">
      <span className="text-12 text-ink-2" aria-hidden="true">
        {t("recipes.fields.login")}
      </span>
      <SelectField
        label={t("recipes.fields.login")}
        value={form.registryLogin}
        choices={[
          { value: null, label: t("recipes.noLogin") },
          ...all.map(name => ({ value: name as string | null, label: name })),
        ]}
        onChange={registryLogin => onChange({ registryLogin })}
        className="w-full"
      >
        {form.registryLogin ?? t("recipes.noLogin")}
      </SelectField>
    </div>
  );
}
