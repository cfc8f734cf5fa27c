import { Alert, Button } from "antd";
import { ApiError } from "@sinter/client/portable";
import { useTranslation } from "react-i18next";

/** What an error says to a person. The manager's sentences say what to do; its code is for the handbook. */
export function failureText(error: unknown): string {
  if (error instanceof ApiError && error.errorCode !== "") return `${error.message} (${error.errorCode})`;
  return error instanceof Error ? error.message : String(error);
}

/** A refusal or a failure, shown where the user acted. */
export function Failure({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const { t } = useTranslation();
  if (error === undefined || error === null) return null;
  return (
    <Alert
      type="error"
      showIcon
      title={failureText(error)}
      {...(onRetry ? { action: <Button onClick={onRetry}>{t("common.tryAgain")}</Button> } : {})}
    />
  );
}
