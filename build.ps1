#!/usr/bin/env pwsh
Set-Location $PSScriptRoot; dotnet run --project tools/Build -- @args; exit $LASTEXITCODE
