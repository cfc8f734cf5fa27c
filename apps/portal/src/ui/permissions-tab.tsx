import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { client } from "../api/client.ts";
import { useMay, useSession } from "../api/session-store.ts";
import { Facts } from "./facts.tsx";
import { Failure } from "./failure.tsx";

/** Rights come by roles and hold for the whole site: what one's own allow and, for administrators, who has which. */
export function PermissionsTab() {
  const { t } = useTranslation();
  const session = useSession();
  const mayOperate = useMay("operate");
  const mayAdminister = useMay("administer");
  const users = useQuery({
    queryKey: ["users", "list"],
    queryFn: () => client.users.list({ limit: 100 }),
    enabled: mayAdminister,
  });
  const answer = (may: boolean): string => t(may ? "common.yes" : "common.no");
  return (
    <div className="panels">
      <section className="panel">
        <h2>{t("object.ownRights", { user: session.userName })}</h2>
        <Facts
          items={[
            [t("object.roles"), session.roles.join(", ") || "–"],
            [t("object.maySee"), answer(true)],
            [t("object.mayOperate"), answer(mayOperate)],
            [t("object.mayAdminister"), answer(mayAdminister)],
          ]}
        />
        <p className="quiet">{t("object.rightsHint")}</p>
      </section>
      {mayAdminister && (
        <section className="panel">
          <h2>{t("object.allUsers")}</h2>
          <Failure error={users.error} onRetry={() => void users.refetch()} />
          <table className="plain">
            <thead>
              <tr>
                <th scope="col">{t("object.user")}</th>
                <th scope="col">{t("object.roles")}</th>
              </tr>
            </thead>
            <tbody>
              {(users.data?.items ?? []).map((user) => (
                <tr key={user.userId}>
                  <td>{user.userName}</td>
                  <td>{user.roles.join(", ") || "–"}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </div>
  );
}
