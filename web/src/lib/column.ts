/** A column of a table. */
export interface Column {
  name: string;
  title: string;
  /** Its share of the width, as a track of a grid. */
  width: string;
  sort?: boolean;
}
