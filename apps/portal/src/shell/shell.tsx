import { Layout } from "antd";
import { Outlet } from "@tanstack/react-router";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { followChanges } from "../api/changes.ts";
import { useIsConnectionLost } from "../api/connection-store.ts";
import { preferences } from "../ui/preferences.ts";
import { Header } from "./header.tsx";
import { InventoryTree } from "./inventory-tree.tsx";
import { TaskPane } from "./task-pane.tsx";

/** Around every page: what there is on the left, what is being done below, who one is above. */
export function Shell() {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const isLost = useIsConnectionLost();
  const [isTreeOpen, setTreeOpen] = useState(() => preferences.isOpen("tree"));
  useEffect(() => followChanges(queries), [queries]);
  const toggleTree = (): void => {
    preferences.setOpen("tree", !isTreeOpen);
    setTreeOpen(!isTreeOpen);
  };
  return (
    <Layout className="shell">
      <a className="skip" href="#content">
        {t("shell.skip")}
      </a>
      <Header isTreeOpen={isTreeOpen} onToggleTree={toggleTree} />
      {isLost && (
        <div className="lost" role="alert">
          {t("shell.lost")}
        </div>
      )}
      <div className="shell-middle">
        {isTreeOpen && (
          <nav className="shell-tree" aria-label={t("shell.navigation")}>
            <InventoryTree />
          </nav>
        )}
        <div className="shell-right">
          <main id="content" className="shell-content" tabIndex={-1}>
            <Outlet />
          </main>
          <TaskPane />
        </div>
      </div>
    </Layout>
  );
}
