import { Modal } from "antd";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Failure } from "./failure.tsx";

export interface ActionDialogProps {
  readonly title: string;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly okText: string;
  /** The dialog stays as it is when the call is refused: nothing that was typed is lost. */
  readonly onOk: () => void;
  readonly isRunning: boolean;
  readonly error?: unknown;
  readonly isDangerous?: boolean;
  readonly children: ReactNode;
}

/** Asks before something is done, or for what it needs; a refusal is shown in it. */
export function ActionDialog(props: ActionDialogProps) {
  const { t } = useTranslation();
  return (
    <Modal
      open={props.isOpen}
      title={props.title}
      okText={props.okText}
      cancelText={t("common.cancel")}
      onCancel={props.onClose}
      onOk={props.onOk}
      confirmLoading={props.isRunning}
      okButtonProps={{ danger: props.isDangerous === true }}
      destroyOnHidden
    >
      {props.children}
      <Failure error={props.error} />
    </Modal>
  );
}
