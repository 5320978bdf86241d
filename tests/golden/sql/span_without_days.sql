SELECT t.[ID], t.[NAME_7M], t.[ART_7M]
FROM [ck].[KASSEN_8Y] AS t;
