"""Which frameworks `make` reads, and what a person has read of each."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Framework:
    """What to read of a framework.

    Attributes:
        package: Its top package.
        skip: Modules to leave out, as a pattern of the whole name.
        only: Modules to keep, as a pattern of the whole name; by default all.
        reviewed: ``module.Class.__method__`` whose code was read and found harmless, as a pattern.
        refuse: Classes and functions to leave out all the same, as a pattern, with the reason.
        functions: Modules whose public functions are numeric, as a pattern.
        calls: Functions and classes that a pickle calls, as a pattern; read one by one.
        helpers: Functions of numbers that are kept in spite of their underscore, as a pattern.
    """

    package: str
    skip: str = ""
    only: str = ""
    reviewed: str = ""
    refuse: dict[str, str] = field(default_factory=dict)
    functions: str = ""
    calls: str = ""
    helpers: str = ""


# BaseEstimator compares versions and fills __dict__; the mixins of metadata fill nothing.
_SKLEARN = r"sklearn\.(base\.BaseEstimator|utils\._metadata_requests\.\w+)\.__\w+__"

FRAMEWORKS: dict[str, Framework] = {
    "scikit-learn": Framework(
        package="sklearn",
        skip=r"sklearn\.(datasets|externals|_build_utils|experimental|utils\._test_common|utils\.estimator_checks).*",
        # BaseEstimator and Bunch compare versions and fill __dict__; the extension types of trees,
        # neighbours, losses and splitters are filled with numbers and arrays.
        reviewed=(
            r"sklearn\.(base\.BaseEstimator|utils\._bunch\.Bunch|utils\._metadata_requests\.\w+"
            r"|ensemble\._hist_gradient_boosting\.\w+\.\w+|gaussian_process\.kernels\.\w+"
            r"|utils\._estimator_html_repr\.\w+|utils\._repr_html\.\w+\.\w+|utils\._available_if\.\w+"
            r"|metrics\._scorer\.\w+|model_selection\._split\.\w+|_loss\.\w+\.\w+|cluster\._birch\.\w+"
            r"|linear_model\._sgd_fast\.\w+|tree\._\w+\.\w+|neighbors\._\w+\.\w+|metrics\._dist_metrics\.\w+"
            r"|utils\._\w+\.\w+|calibration\.\w+|isotonic\.\w+|_loss\.link\.\w+|cluster\._hdbscan\._\w+\.\w+"
            r"|ensemble\._\w+\.\w+|feature_selection\._\w+\.\w+|feature_extraction\._?\w+\.\w+"
            r"|frozen\._frozen\.\w+|compose\._\w+\.\w+|preprocessing\._\w+\.\w+|random_projection\.\w+|pipeline\.\w+)\.__\w+__|_loss\.\w+\.__\w+__"
        ),
        refuse={
            r"sklearn\.utils\.(parallel|_joblib|fixes|_testing|_mocking|deprecation)\..*": "no model",
            r"sklearn\.utils\._pprint\..*": "not part of a model",
            r"sklearn\.(exceptions|callback)\..*": "not part of a model",
        },
        functions=(
            r"sklearn\.metrics\.(_classification|_regression|_ranking|pairwise|cluster\._(un)?supervised|cluster\._bicluster)"
            r"|sklearn\.feature_selection\._(univariate_selection|mutual_info)"
            r"|sklearn\.cluster\._kmeans|sklearn\.decomposition\._fastica|sklearn\.covariance\._(shrunk_covariance|empirical_covariance)"
            r"|sklearn\.linear_model\._logistic|sklearn\.gaussian_process\.kernels"
        ),
        helpers=r"sklearn\.(cluster\._kmeans\._kmeans_single_\w+|decomposition\._fastica\._(logcosh|exp|cube))",
        calls=(
            r"sklearn\.\S+\.__pyx_unpickle_[A-Z]\w+|sklearn\.neighbors\._(kd_tree|ball_tree)\.newObj"
            r"|sklearn\.metrics\._dist_metrics\.(newObj|[A-Z]\w+(32|64)?)"
            r"|sklearn\.tree\._tree\.Tree|sklearn\.neighbors\._quad_tree\._QuadTree"
            r"|sklearn\.linear_model\._sgd_fast\.[A-Z]\w+|sklearn\._loss\._loss\.Cy\w+"
            r"|sklearn\.tree\._(criterion|splitter)\.[A-Z]\w+"
        ),
    ),
    "scipy": Framework(
        package="scipy",
        skip=r"scipy\.(io|stats|_lib|weave|misc|datasets|odr|ndimage|signal|fft|fftpack|constants|cluster|linalg\._|integrate)(\.|$).*",
        reviewed=r"scipy\.(sparse\._\w+\.\w+|sparse\._matrix\.\w+|interpolate\._\w+\.\w+|spatial\._\w+\.\w+)\.__\w+__",
        refuse={
            r"scipy\.stats\..*": "rv_generic.__setstate__ compiles a text from the state",
            r"scipy\.sparse\.(linalg|csgraph)\..*": "holds functions",
            r"scipy\.optimize\..*": "holds functions",
            r"scipy\.\w+\._test\w*\..*": "not part of a model",
            r"scipy\.(__config__|special\.(_mptestutils|_specfun|_support_alternative_backends|_multiufuncs)"
            r"|special\._ufuncs\.errstate|spatial\._qhull\._Qhull\w*).*": "not part of a model",
        },
        functions=r"scipy\.special\._ufuncs|scipy\.spatial\.distance",
        calls=r"scipy\.spatial\._ckdtree\.cKDTree",
    ),
    "numpy": Framework(
        package="numpy",
        skip=r"numpy\.(f2py|distutils|testing|lib|ctypeslib|typing|_typing|_pyinstaller|_pytesttester|__config__|version|rec|char|strings|compat|doc|array_api|exceptions|_configtool|_distributor_init|core|_core|ma|polynomial|matrixlib|fft|linalg|conftest|dtypes|_utils|_globals|_expired_attrs_2_0|_array_api_info|matlib)(\.|$).*",
        reviewed=r"numpy\.random\.\w+\.\w+\.__\w+__",
        functions=r"numpy",
        calls=r"numpy\.random\.\S+\.__pyx_unpickle_\w+|numpy\.random\.bit_generator\.SeedSequence",
    ),
    "torch": Framework(
        package="torch",
        only=r"torch\.nn\.(modules(\..*)?|parameter|functional)",
        # Module, RNNBase, MultiheadAttention and others fill __dict__ and add what old files lack.
        reviewed=r"torch\.nn\.(modules\.\w+\.\w+|parameter\.\w+)\.__\w+__",
        refuse={
            r"torch\.nn\.parameter\..*": "made by torch's own functions",
            r"torch\.nn\.functional\.(has_torch|handle_torch|boolean_disp|assert_|_).*": "no model",
        },
        functions=r"torch\.nn\.functional",
    ),
    "xgboost": Framework(
        package="xgboost",
        only=r"xgboost\.(core|sklearn|callback)",
        # Booster.__setstate__ hands a buffer to the library's own parser.
        reviewed=_SKLEARN + r"|xgboost\.core\.Booster\.__(setstate|del)__",
        refuse={
            r"xgboost\.(core\.(?!Booster).*|callback\.(?!EarlyStopping|LearningRateScheduler).*)": "no model"
        },
    ),
    "lightgbm": Framework(
        package="lightgbm",
        only=r"lightgbm\.(basic|sklearn)",
        # Booster.__setstate__ hands a text to the library's own parser.
        reviewed=_SKLEARN + r"|lightgbm\.basic\.Booster\.__(setstate|del)__",
        refuse={r"lightgbm\.basic\.(?!Booster).*": "not part of a model"},
    ),
    "catboost": Framework(
        package="catboost",
        only=r"catboost\.core",
        # _CatBoostBase.__setstate__ hands bytes to the library's own parser.
        reviewed=r"catboost\.core\._CatBoostBase\.__(setstate|eq|hash)__",
        refuse={r"catboost\.core\.(?!CatBoost).*": "not part of a model"},
    ),
    "keras": Framework(package="keras", only="-"),
    # NDFrame, the types and the arrays fill attributes; indexes are made by functions, see frames.py.
    "pandas": Framework(package="pandas", only="-"),
}
