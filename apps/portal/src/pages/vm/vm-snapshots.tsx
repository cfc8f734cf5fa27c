import { Empty } from "antd";
import { useTranslation } from "react-i18next";

/** The tab is where people look for it; what is not there is said plainly. */
export function VmSnapshots() {
  const { t } = useTranslation();
  return <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t("vm.noSnapshots")} />;
}
