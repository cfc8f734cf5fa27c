import { Button, Result } from "antd";
import { useTranslation } from "react-i18next";
import { failureText } from "../ui/failure.tsx";

/** A page that threw, or whose code could not be loaded because the manager was updated or is away. */
export function PageFailure({ error }: { error?: unknown }) {
  const { t } = useTranslation();
  return (
    <Result
      status={error === undefined ? "404" : "error"}
      title={
        <h1 className="result-title">{error === undefined ? t("common.notFound") : t("shell.pageFailed")}</h1>
      }
      subTitle={error === undefined ? undefined : failureText(error)}
      extra={<Button onClick={() => location.reload()}>{t("shell.reload")}</Button>}
    />
  );
}

/** An address that leads nowhere. */
export function PageMissing() {
  return <PageFailure />;
}
