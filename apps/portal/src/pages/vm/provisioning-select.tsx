import { Select } from "antd";
import { useTranslation } from "react-i18next";
import { type Provisioning, PROVISIONINGS } from "./provisioning.ts";

export function ProvisioningSelect(props: {
  id?: string;
  value?: Provisioning;
  onChange?: (value: Provisioning) => void;
}) {
  const { t } = useTranslation();
  return (
    <Select<Provisioning>
      {...props}
      aria-label={t("vm.provisioningHead")}
      popupMatchSelectWidth={false}
      options={PROVISIONINGS.map((kind) => ({
        value: kind,
        label: t(`vm.provisioning.${kind}`),
        title: t(`vm.provisioningHint.${kind}`),
      }))}
      optionRender={({ value }) => (
        <span className="menu-text">
          {t(`vm.provisioning.${value as Provisioning}`)}
          <span className="menu-reason">{t(`vm.provisioningHint.${value as Provisioning}`)}</span>
        </span>
      )}
    />
  );
}
