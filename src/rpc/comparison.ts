/** Comparing needs no engine: it is arithmetic over steps that the page was told of, so it runs where it is shown. */
export { compare, comparedFile, missingFile } from '../engine/session/compare.ts';
export { chartSvg, comparisonChart } from '../engine/session/compare-chart.ts';
export type { Chart, Palette } from '../engine/session/compare-chart.ts';
export { comparisonCsv, comparisonJson } from '../engine/session/compare-export.ts';
export { columnTitles, fileRows, tableRows } from '../engine/session/compare-rows.ts';
export type { TableRow } from '../engine/session/compare-rows.ts';
export { countedBlockBytes, MEANINGS, PROFILE_TITLES, ROLE_GROUPS } from '../engine/session/comparison.ts';
export type {
  Cell,
  ComparedFile,
  ComparedSteps,
  Comparison,
  Figures,
  RoleGroup,
} from '../engine/session/comparison.ts';
