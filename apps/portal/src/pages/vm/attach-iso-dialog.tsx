import { Modal, Select } from "antd";
import { useQuery } from "@tanstack/react-query";
import type { WireVm } from "@sinter/northbound";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { datastoresQuery } from "../../api/queries.ts";
import { idOf } from "../../api/urns.ts";
import { Failure } from "../../ui/failure.tsx";
import { bytes } from "../../ui/format.ts";
import { useAction } from "../../ui/use-action.ts";
import { PageLink } from "./page-link.tsx";
import { readyIsosQuery } from "./isos-query.ts";

/** Chooses an image of the library. */
export function AttachIsoDialog({ vm, onClose }: { vm: WireVm; onClose: () => void }) {
  const { t } = useTranslation();
  const isos = useQuery({ ...readyIsosQuery(), retry: false });
  const datastores = useQuery(datastoresQuery());
  const [chosen, setChosen] = useState<string>();
  const attach = useAction<{ datastoreUrn: string; name: string }>({
    call: (iso) => client.vms.attachCd(vm, { datastoreId: idOf(iso.datastoreUrn), name: iso.name }),
    kinds: ["vms", "isos"],
    started: (iso) => iso.name,
    isQuiet: true,
  });
  const iso = isos.data?.find((one) => one.id === chosen);
  const submit = async (): Promise<void> => {
    if (iso && (await attach.run(iso))) onClose();
  };
  const nameOf = (urn: string): string => datastores.data?.find((one) => one.urn === urn)?.name ?? urn;
  return (
    <Modal
      open
      title={`${t("vm.attachIso")}: ${vm.name}`}
      okText={t("vm.attach")}
      okButtonProps={{ disabled: iso === undefined }}
      confirmLoading={attach.isRunning}
      onOk={() => void submit()}
      onCancel={onClose}
    >
      <Select
        className="block"
        aria-label={t("shell.isos")}
        placeholder={t("vm.chooseIso")}
        loading={isos.isLoading}
        {...(chosen === undefined ? {} : { value: chosen })}
        onChange={setChosen}
        showSearch={{ optionFilterProp: "label" }}
        notFoundContent={t("vm.noIsos")}
        options={(isos.data ?? []).map((one) => ({
          value: one.id,
          label: `${one.name} · ${bytes(one.sizeBytes)} · ${nameOf(one.datastoreUrn)}`,
        }))}
      />
      <p>
        <PageLink to="/isos">{t("vm.toLibrary")}</PageLink>
      </p>
      <Failure error={isos.error ?? attach.error} />
    </Modal>
  );
}
