import { useQuery } from "@tanstack/react-query";
import type { WireDatastore } from "@sinter/northbound";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { Failure } from "../../ui/failure.tsx";
import { bytes } from "../../ui/format.ts";
import { IsoTable } from "../media/iso-table.tsx";

/** Images that disks can start from, and ISO images for CD drives. */
export function DatastoreImages({ datastore }: { datastore: WireDatastore }) {
  const { t } = useTranslation();
  const images = useQuery({
    queryKey: ["datastores", "images", datastore.urn],
    queryFn: () => client.datastores.images(datastore),
  });
  return (
    <>
      <section className="panel">
        <h2>{t("storage.images")}</h2>
        <Failure error={images.error} onRetry={() => void images.refetch()} />
        {images.data?.length === 0 && <p className="quiet">{t("storage.noImages")}</p>}
        {images.data && images.data.length > 0 && (
          <table className="plain">
            <thead>
              <tr>
                <th scope="col">{t("common.name")}</th>
                <th scope="col">{t("storage.imageType")}</th>
                <th scope="col">{t("storage.size")}</th>
                <th scope="col">{t("storage.virtualSize")}</th>
              </tr>
            </thead>
            <tbody>
              {images.data.map((image) => (
                <tr key={image.name}>
                  <th scope="row">{image.name}</th>
                  <td>{image.type}</td>
                  <td>{bytes(image.size)}</td>
                  <td>{bytes(image.virtualSize)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
      <section className="panel page-section">
        <h2>{t("shell.isos")}</h2>
        <IsoTable datastoreUrn={datastore.urn} />
      </section>
    </>
  );
}
