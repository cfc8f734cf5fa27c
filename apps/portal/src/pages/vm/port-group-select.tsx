import { Select } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { portGroupsQuery, switchesQuery } from "../../api/queries.ts";

/** Port groups by their switch. */
export function PortGroupSelect(props: { id?: string; value?: string; onChange?: (urn: string) => void }) {
  const { t } = useTranslation();
  const { value, ...rest } = props;
  const groups = useQuery(portGroupsQuery());
  const switches = useQuery(switchesQuery());
  return (
    <Select<string>
      {...rest}
      {...(value ? { value } : {})}
      aria-label={t("vm.portGroup")}
      placeholder={t("vm.choosePortGroup")}
      loading={groups.isLoading}
      popupMatchSelectWidth={false}
      notFoundContent={t("vm.noPortGroups")}
      showSearch={{ optionFilterProp: "label" }}
      options={(switches.data ?? []).map((one) => ({
        label: one.name,
        options: (groups.data ?? [])
          .filter((group) => group.urn.startsWith(`${one.urn}:`))
          .map((group) => ({
            value: group.urn,
            label: group.vlanId > 0 ? `${group.name} (VLAN ${group.vlanId})` : group.name,
          })),
      }))}
    />
  );
}
