import { Flex, Result, Skeleton, Tabs, Typography } from "antd";
import { ApiError } from "@sinter/client/portable";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Failure } from "./failure.tsx";

export interface TabPage {
  readonly key: string;
  readonly label: string;
  readonly content: ReactNode;
}

export interface ObjectPageProps {
  readonly icon: ReactNode;
  readonly title: string;
  readonly status?: ReactNode;
  readonly subtitle?: ReactNode;
  readonly actions?: ReactNode;
  readonly tabs: readonly TabPage[];
  /** From the URL. */
  readonly tab: string;
  readonly onTab: (tab: string) => void;
  readonly isLoading?: boolean;
  readonly error?: unknown;
  readonly onRetry?: () => void;
}

/** Every object's page: what it is, what can be done with it, and the same tabs in the same order. */
export function ObjectPage(props: ObjectPageProps) {
  const { t } = useTranslation();
  if (props.error !== undefined && props.error !== null) {
    const isGone = props.error instanceof ApiError && props.error.kind === "notFound";
    if (isGone)
      return <Result status="404" title={<h1 className="result-title">{t("common.notFound")}</h1>} />;
    return <Failure error={props.error} {...(props.onRetry ? { onRetry: props.onRetry } : {})} />;
  }
  if (props.isLoading) return <Skeleton active paragraph={{ rows: 8 }} />;
  const tab = props.tabs.some((one) => one.key === props.tab) ? props.tab : props.tabs[0]?.key;
  return (
    <div className="object-page">
      <Flex wrap gap="small" align="center" justify="space-between" className="object-head">
        <Flex gap="small" align="center" wrap>
          <span className="object-icon" aria-hidden="true">
            {props.icon}
          </span>
          <Typography.Title level={1} className="object-title">
            {props.title}
          </Typography.Title>
          {props.status}
          {props.subtitle && <Typography.Text type="secondary">{props.subtitle}</Typography.Text>}
        </Flex>
        <Flex gap="small" wrap>
          {props.actions}
        </Flex>
      </Flex>
      <Tabs
        {...(tab === undefined ? {} : { activeKey: tab })}
        onChange={props.onTab}
        destroyOnHidden
        items={props.tabs.map((one) => ({ key: one.key, label: one.label, children: one.content }))}
      />
    </div>
  );
}
