import { Button, Input, Select, Tag } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import type { Search } from "../../router.tsx";
import { STATUSES, stateOf } from "./vm-state.ts";

/** Typing asks the manager when it pauses. */
const PAUSE_MS = 300;

/** Filters of the VM list, which the manager applies; they live in the URL. */
export function VmListFilters({ search, onChange }: { search: Search; onChange: (next: Search) => void }) {
  const { t } = useTranslation();
  const kept = String(search["name"] ?? "");
  const [name, setName] = useState(kept);
  const sent = useRef(kept);
  useEffect(() => {
    // Our own words coming back do not overwrite what was typed since.
    if (kept !== sent.current) setName(kept);
    sent.current = kept;
  }, [kept]);
  useEffect(() => {
    if (name === kept) return;
    const pause = setTimeout(() => {
      sent.current = name;
      onChange({ name: name || undefined });
    }, PAUSE_MS);
    return () => clearTimeout(pause);
  }, [name, kept, onChange]);
  const scope = search["scope"];
  return (
    <div className="page-tools vm-filters">
      <Input.Search
        className="vm-filter-name"
        placeholder={t("vm.filterName")}
        aria-label={t("vm.filterName")}
        allowClear
        value={name}
        onChange={(event) => setName(event.target.value)}
        onSearch={(value) => onChange({ name: value || undefined })}
      />
      <Select
        className="vm-filter-status"
        aria-label={t("common.status")}
        value={String(search["status"] ?? "")}
        onChange={(status) => onChange({ status: status || undefined })}
        options={[
          { value: "", label: t("vm.anyStatus") },
          ...STATUSES.map((status) => ({ value: status, label: t(`vm.state.${stateOf({ status })}`) })),
        ]}
      />
      <Select
        className="vm-filter-status"
        aria-label={t("vm.kind")}
        value={search["templates"] === true}
        onChange={(templates) => onChange({ templates: templates || undefined })}
        options={[
          { value: false, label: t("shell.vms") },
          { value: true, label: t("shell.templates") },
        ]}
      />
      {typeof scope === "string" && <ScopeTag urn={scope} onClear={() => onChange({ scope: undefined })} />}
    </div>
  );
}

/** Where the list is limited to, by name, with a way out. */
function ScopeTag({ urn, onClear }: { urn: string; onClear: () => void }) {
  const { t } = useTranslation();
  const { data } = useQuery({
    queryKey: [urn.split(":")[3] ?? "sites", "name", urn],
    queryFn: () => client.api.get<{ name?: string }>(pathOfUrn(urn)),
    retry: false,
  });
  return (
    <span className="vm-scope">
      <Tag>{t("vm.scope", { name: data?.name ?? urn })}</Tag>
      <Button size="small" type="link" onClick={onClear}>
        {t("vm.clearScope")}
      </Button>
    </span>
  );
}

/** `urn:sites:1:hosts:2` answers at `/service/sites/1/hosts/2`. */
function pathOfUrn(urn: string): string {
  return `/service/${urn.replace(/^urn:/, "").split(":").map(encodeURIComponent).join("/")}`;
}
